// SPDX-License-Identifier: MIT

#include "client/cli/typed_call.hpp"

#include <array>
#include <chrono>
#include <iostream>
#include <map>
#include <sys/uio.h>

#include <agora/error.hpp>

#include "client/src/transport/address.hpp"
#include "client/src/transport/channel.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/dial.hpp"
#include "client/src/transport/handshake.hpp"
#include "shared/auth/digest.hpp"
#include "shared/auth/proof.hpp"
#include "shared/base/error.hpp"
#include "shared/value/any.hpp"
#include "shared/value/codec.hpp"
#include "shared/wire/json_read.hpp"
#include "shared/wire/json_write.hpp"

namespace agora::detail {
namespace {

bool is_plain(std::string_view word) {
  if (word.empty()) return false;
  for (const char c : word) {
    if (c == ' ' || static_cast<unsigned char>(c) < 0x20) return false;
  }
  return true;
}

bool is_json_start(char c) { return c == '{' || c == '[' || c == '"'; }

void send_all(Channel& channel, std::string_view bytes) {
  while (!bytes.empty() || channel.has_unsent()) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    const Socket::Result sent = channel.send({&part, 1});
    if (sent.io == Socket::Io::ended) return;  // the caller still reads the bytes sent before
    bytes.remove_prefix(sent.bytes);
    if (sent.io == Socket::Io::later) channel.wait_writable(false, Deadline{});
  }
}

/// Connects to the first of the addresses that accepts. Throws the last failure.
Dialed dial_any(const std::string& text, const manager_options& options) {
  auto addresses = parse_addresses(text);
  if (!addresses) agora::throw_error(addresses.error());
  for (Address& each : *addresses) each.peer_uid = options.peer_uid;
  for (std::size_t i = 0;; ++i) {
    auto dialed = dial((*addresses)[i], options, deadline_in(std::chrono::seconds{10}));
    if (dialed) return std::move(*dialed);
    if (i + 1 == addresses->size()) agora::throw_error(dialed.error());
  }
}

/// Sends a typed line and returns its reply, without the line feed. Throws if the connection ends
/// or the reply is an error.
std::string ask(Channel& channel, const std::string& line) {
  send_all(channel, line + "\n");
  std::string reply;
  std::array<char, 4096> space;
  while (!reply.ends_with('\n')) {
    const Socket::Result got = channel.receive(space, deadline_in(std::chrono::seconds{10}));
    if (got.io != Socket::Io::some) {
      agora::throw_error({Errc::unavailable, "login: " + channel.end_reason(), Done::no, {}});
    }
    reply.append(space.data(), got.bytes);
  }
  reply.pop_back();
  if (is_error_reply(reply)) {
    agora::throw_error({Errc::unauthenticated, "login: " + reply, Done::no, {}});
  }
  return reply;
}

/// Returns a member of a JSON object; empty if there is none.
std::string member(const std::string& json, const std::string& name) {
  std::string packed;
  Budget budget{Limits{}};
  if (!json_to_packed(json, packed, budget)) return {};
  const auto members = unpack<std::map<std::string, any>>(PackedView{packed});
  if (!members || !members->contains(name)) return {};
  const auto text = members->at(name).get<std::string>();
  return text ? *text : std::string{};
}

/// Logs in by typed lines: the connection's first byte has to begin one.
void log_in(Channel& channel, const manager_options& options, const std::string& binding) {
  auto key = chosen_key(options.key_file, options.key_id);
  if (!key) agora::throw_error(key.error());
  const std::string challenge = ask(channel, "session.challenge");
  const std::string server = member(challenge, "server");
  const std::string nonce = from_hex(member(challenge, "nonce")).value_or("");
  const std::string own = random_bytes();
  const LoginTranscript login{server, key->id, nonce, own, binding};
  const std::string reply = ask(channel, "session.login " + key->id + " " + to_hex(own) + " " +
                                             to_hex(client_proof(key->key, login)));
  if (equal_secrets(member(reply, "proof"), to_hex(server_proof(key->key, login)))) return;
  agora::throw_error({Errc::unauthenticated,
                      "the server has not proven that it knows the key " + key->id,
                      Done::no,
                      {}});
}

}  // namespace

std::string typed_line_of(std::span<const std::string> words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    if (is_plain(word) || (!word.empty() && is_json_start(word.front()))) {
      for (const char c : word) line += c == '\n' || c == '\r' ? ' ' : c;
    } else {
      text_to_json(word, line);
    }
  }
  return line;
}

bool is_error_reply(std::string_view reply) {
  for (const ErrcRow& row : errc_table()) {
    if (reply.starts_with(row.type) && reply.substr(row.type.size()).starts_with(": ")) {
      return true;
    }
  }
  return false;
}

std::string void_at_once(std::span<const std::string> words) {
  struct Row {
    std::string_view method;
    std::string_view reason;
  };
  constexpr std::string_view kLock =
      "the lock would be released when this call ends; run a command while holding it: agora lock";
  constexpr std::string_view kItem =
      "the item would go back to the queue when this call ends; take it for good: queue.get";
  constexpr std::string_view kNotices = "no notice can come: the connection ends with this call";
  constexpr Row kRows[] = {
      {"lock.acquire", kLock},
      {"rlock.acquire", kLock},
      {"rwlock.acquire_read", kLock},
      {"rwlock.acquire_write", kLock},
      {"condition.acquire", kLock},
      {"queue.reserve", kItem},
      {"queue.reserve_any", kItem},
      {"object.watch", kNotices},
      {"object.watch_names", kNotices},
      {"topic.subscribe", kNotices},
      {"object.hold", "the hold would end with this call"},
  };
  for (const Row& row : kRows) {
    if (words.front() == row.method) return words.front() + ": " + std::string(row.reason);
  }
  if (words.front() == "object.create" && words.size() == 2) {
    return "object.create: an object without a name would end with this call; give it a name";
  }
  for (const std::string& word : words) {
    if (word == "ephemeral=true") return words.front() + ": what is ephemeral ends with this call";
  }
  return {};
}

int typed_call(const std::string& address, const manager_options& options,
               std::span<const std::string> words) {
  Dialed dialed = dial_any(address, options);
  const std::string binding = dialed.binding;
  Channel channel(std::move(dialed));
  if (!options.key_file.empty()) log_in(channel, options, binding);
  // The server handles quit after the call: it closes once the call has its reply.
  send_all(channel, typed_line_of(words) + "\nquit\n");
  std::array<char, 65536> space;
  std::string first;
  for (;;) {
    const Socket::Result got = channel.receive(space, Deadline{});
    if (got.io == Socket::Io::ended) break;
    const std::string_view text{space.data(), got.bytes};
    if (first.size() < 64) first += text.substr(0, 64);
    std::cout << text << std::flush;
  }
  if (const std::string reason = channel.tls_failure(); !reason.empty()) {
    agora::throw_error({Errc::unavailable, reason, Done::unknown, {}});
  }
  return is_error_reply(first) ? 1 : 0;
}

}  // namespace agora::detail
