// SPDX-License-Identifier: MIT

#include "shared/wire/sniff.hpp"

namespace agora {
namespace {

// The telnet commands that affect the parsing (RFC 854).
constexpr unsigned char kSubnegotiationEnd = 240;
constexpr unsigned char kSubnegotiation = 250;
constexpr unsigned char kWill = 251;
constexpr unsigned char kDont = 254;
constexpr unsigned char kCommand = 255;

// Real telnet clients send some dozens of bytes.
constexpr std::size_t kSkippedBytesMax = 4096;

}  // namespace

Wire wire_of(unsigned char first) {
  if (first >= 'a' && first <= 'z') return Wire::text;
  if (first >= 'A' && first <= 'Z') return Wire::http;
  switch (first) {
    case '{':
    case '[':
    case '?':
    case '\r':
    case '\n':
      return Wire::text;
    case 0x93:
    case 0x94:
      return Wire::msgpack;
    case 0x16:
      return Wire::tls;
    case kCommand:
      return Wire::undecided;
    default:
      return Wire::nothing;
  }
}

Sniffer::State Sniffer::after(unsigned char byte) const {
  switch (state_) {
    case State::begin:
      return State::command;
    case State::command:
      if (byte == kSubnegotiation) return State::inside;
      return byte >= kWill && byte <= kDont ? State::option : State::begin;
    case State::option:
      return State::begin;
    case State::inside:
      return byte == kCommand ? State::inside_command : State::inside;
    case State::inside_command:
      return byte == kSubnegotiationEnd ? State::begin : State::inside;
  }
  return State::begin;
}

Sniffer::Verdict Sniffer::feed(std::string_view input) {
  Verdict verdict;
  for (const char c : input) {
    const auto byte = static_cast<unsigned char>(c);
    if (state_ == State::begin) {
      verdict.wire = wire_of(byte);
      if (verdict.wire != Wire::undecided) return verdict;
    }
    // A doubled 0xff is the data byte 0xff, which begins no supported protocol.
    const bool data = state_ == State::command && byte == kCommand;
    if (data || ++skipped_ > kSkippedBytesMax) {
      verdict.wire = Wire::nothing;
      return verdict;
    }
    ++verdict.skipped;
    state_ = after(byte);
  }
  return verdict;
}

bool is_http_line(std::string_view line) {
  constexpr std::string_view kEnding = " http/1.";
  if (line.size() <= kEnding.size()) return false;
  if (line.back() != '0' && line.back() != '1') return false;
  line.remove_suffix(1);
  line.remove_prefix(line.size() - kEnding.size());
  for (std::size_t i = 0; i < kEnding.size(); ++i) {
    const char c = line[i];
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (lower != kEnding[i]) return false;
  }
  return true;
}

}  // namespace agora
