// SPDX-License-Identifier: MIT

#include "shared/wire/telnet.hpp"

namespace agora {
namespace {

// The commands of RFC 854 that affect the parsing or need an action.
constexpr unsigned char kSubnegotiationEnd = 240;
constexpr unsigned char kBreak = 243;
constexpr unsigned char kInterruptProcess = 244;
constexpr unsigned char kAreYouThere = 246;
constexpr unsigned char kSubnegotiation = 250;
constexpr unsigned char kWill = 251;
constexpr unsigned char kWont = 252;
constexpr unsigned char kDo = 253;
constexpr unsigned char kDont = 254;
constexpr unsigned char kIac = 255;

}  // namespace

TelnetCommand TelnetFilter::read(std::string_view& bytes, std::string& text, std::string& reply) {
  while (!bytes.empty()) {
    if (state_ == State::text) {
      const std::string_view plain = bytes.substr(0, bytes.find(static_cast<char>(kIac)));
      text.append(plain);
      bytes.remove_prefix(plain.size());
      if (bytes.empty()) break;
    }
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    switch (state_) {
      case State::text:
        state_ = State::command;
        break;
      case State::command:
        if (const TelnetCommand found = command(byte, text); found != TelnetCommand::none) {
          return found;
        }
        break;
      case State::option:
        option(byte, reply);
        break;
      case State::subnegotiation:
        if (byte == kIac) state_ = State::subnegotiation_command;
        break;
      case State::subnegotiation_command:
        state_ = byte == kSubnegotiationEnd ? State::text : State::subnegotiation;
        break;
    }
  }
  return TelnetCommand::none;
}

/// Takes the byte behind IAC. A byte that is no command is text, as is a doubled IAC.
TelnetCommand TelnetFilter::command(unsigned char byte, std::string& text) {
  state_ = State::text;
  if (byte == kSubnegotiation) {
    state_ = State::subnegotiation;
  } else if (byte >= kWill && byte <= kDont) {
    state_ = State::option;
    verb_ = byte;
  } else if (byte == kIac || byte < kSubnegotiationEnd) {
    text += static_cast<char>(byte);
  }
  if (byte == kInterruptProcess || byte == kBreak) return TelnetCommand::interrupt;
  return byte == kAreYouThere ? TelnetCommand::are_you_there : TelnetCommand::none;
}

/// Refuses an option that the client asks for or offers. WONT and DONT need no reply.
void TelnetFilter::option(unsigned char byte, std::string& reply) {
  state_ = State::text;
  if (verb_ != kDo && verb_ != kWill) return;
  reply += static_cast<char>(kIac);
  reply += static_cast<char>(verb_ == kDo ? kWont : kDont);
  reply += static_cast<char>(byte);
}

}  // namespace agora
