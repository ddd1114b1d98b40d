// SPDX-License-Identifier: MIT

#include "client/src/transport/handshake.hpp"

#include <algorithm>
#include <map>
#include <unistd.h>

#include <agora/detail/handle.hpp>
#include <agora/detail/methods.hpp>

#include "client/src/transport/descriptors.hpp"
#include "shared/auth/digest.hpp"
#include "shared/auth/key_file.hpp"
#include "shared/auth/proof.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {
namespace {

/// The id of a handshake. Numbered calls begin at 1.
constexpr std::uint32_t kHandshakeId = 0;
constexpr const char* kCancelled = "the manager has ended";

Failure broken(std::string_view method, std::string_view reason) {
  return fail(Errc::unavailable, std::string(method) + ": " + std::string(reason));
}

// A handshake is far smaller than a socket's buffer, but a partial write is still possible.
Expected<void> send_whole(Connection& connection, std::string_view bytes, std::string_view method,
                          const Deadline& deadline, const Wait& wait) {
  while (!bytes.empty() || connection.channel.has_unsent()) {
    const iovec one[] = {part(bytes)};
    const Socket::Result sent = connection.channel.send(one);
    if (sent.io == Socket::Io::ended) return broken(method, connection.channel.end_reason());
    if (is_past(deadline)) return broken(method, "the server did not reply in time");
    const bool full = sent.io == Socket::Io::later;
    if (full && !wait(connection.channel.fd(), POLLOUT, deadline))
      return broken(method, kCancelled);
    bytes.remove_prefix(sent.bytes);
  }
  return {};
}

/// Returns the line of text with which the server refuses this connection; else the failure.
Failure not_understood(Connection& connection, Failure failure) {
  const std::string_view held = connection.inbox.held();
  const std::string_view line = held.substr(0, std::min(held.find('\n'), std::size_t{300}));
  const bool is_text = line.size() > 10 && std::all_of(line.begin(), line.end(),
                                                       [](char c) { return c >= ' ' && c <= '~'; });
  if (!is_text) return failure;
  return fail(Errc::unavailable, "the server refused the connection: " + std::string(line));
}

/// Makes one call on a connection that no other thread uses yet.
/// @param descriptors  receives file descriptors that come with the reply; null if none may come
Expected<Packed> exchange(Connection& connection, const Method& called, const Params& params,
                          const Deadline& deadline, const Wait& wait,
                          std::vector<int>* descriptors = nullptr) {
  const std::string_view method = called.name;
  std::string message;
  begin_msgpack_request(kHandshakeId, method, params.count, message);
  message += params.bytes;
  if (auto sent = send_whole(connection, message, method, deadline, wait); !sent)
    return sent.failure();
  for (;;) {
    auto next = connection.inbox.next();
    if (!next) return not_understood(connection, next.failure());
    if (*next && (*next)->kind == ServerMessage::Kind::reply) {
      ServerMessage& reply = **next;
      if (!reply.ok()) return Failure{std::move(reply.error)};
      return Packed(reply.result);
    }
    if (*next) continue;
    if (is_past(deadline)) return broken(method, "the server did not reply in time");
    const std::span<char> space = connection.inbox.space();
    const Socket::Result got = descriptors != nullptr
                                   ? connection.channel.socket().receive_with(space, *descriptors)
                                   : connection.channel.receive(space, Clock::now());
    if (got.io == Socket::Io::ended) return broken(method, connection.channel.end_reason());
    connection.inbox.filled(got.bytes);
    if (got.io == Socket::Io::some) continue;
    if (!wait(connection.channel.fd(), POLLIN, deadline)) return broken(method, kCancelled);
  }
}

Expected<std::map<std::string, any>> members_of(Expected<Packed> reply, const Method& method) {
  if (!reply) return reply.failure();
  auto members = unpack<std::map<std::string, any>>(*reply);
  if (members) return members;
  members.error().message.insert(0, std::string(method.name) + ": ");
  return members.failure();
}

/// Names the key and the side in the error of a login.
Failure login_failed(Failure failure, const KeyLine& key, const std::string& path) {
  if (failure.error->code == Errc::unavailable) return failure;
  failure.error->message =
      "the server refused the login as " + key.id + " by " + path + ": " + failure.error->message;
  return failure;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

Expected<KeyLine> chosen_key(const std::string& path, const std::string& id) {
  auto file = read_key_file(path);
  if (!file) return fail(Errc::value_error, "key_file " + file.error().message);
  auto key = file->choose(id);
  if (!key) return fail(Errc::value_error, "key_file " + path + " " + key.error().message);
  return key;
}

bool ask_for_ring(Connection& connection, const Deadline& deadline, const Wait& wait) {
  Descriptors got;
  const auto reply =
      exchange(connection, methods::session_ring, params_of(), deadline, wait, &got.list);
  if (!reply) return reply.error().code != Errc::unavailable;
  if (!got.list.empty()) static_cast<void>(connection.channel.switch_to_rings(got.list.front()));
  return true;
}

Expected<void> log_in(Connection& connection, const manager_options& options,
                      const std::string& binding, const Deadline& deadline, const Wait& wait) {
  auto key = chosen_key(options.key_file, options.key_id);
  if (!key) return key.failure();
  auto challenge =
      members_of(exchange(connection, methods::session_challenge, params_of(), deadline, wait),
                 methods::session_challenge);
  if (!challenge) return login_failed(challenge.failure(), *key, options.key_file);
  const auto server = (*challenge)["server"].get<std::string>();
  const auto digits = (*challenge)["nonce"].get<std::string>();
  const auto nonce = digits ? from_hex(*digits) : std::nullopt;
  if (!server || !nonce || nonce->size() != kDigestBytes) {
    return fail(Errc::unavailable, "session.challenge: the reply is no challenge");
  }
  const std::string own_nonce = random_bytes();
  const LoginTranscript login{*server, key->id, *nonce, own_nonce, binding};
  const Params params =
      params_of(key->id, to_hex(own_nonce), to_hex(client_proof(key->key, login)));
  auto reply = members_of(exchange(connection, methods::session_login, params, deadline, wait),
                          methods::session_login);
  if (!reply) return login_failed(reply.failure(), *key, options.key_file);
  const auto proof = (*reply)["proof"].get<std::string>();
  if (proof && equal_secrets(*proof, to_hex(server_proof(key->key, login)))) return {};
  return fail(Errc::unauthenticated, "the server has not proven that it knows the key " + key->id +
                                         " of " + options.key_file +
                                         ": it is another server, or an attacker stands between");
}

Expected<SessionName> open_session(Connection& connection, const manager_options& options,
                                   const Deadline& deadline, const Wait& wait) {
  const Params params = params_of(std::chrono::duration<double>(options.ttl).count(),
                                  options.client, host_name(), static_cast<std::int64_t>(getpid()));
  auto members = members_of(exchange(connection, methods::session_open, params, deadline, wait),
                            methods::session_open);
  if (!members) return members.failure();
  auto ttl = (*members)["ttl"].get<double>();
  if (!ttl) return ttl.failure();
  const auto shared = (*members)["shared_memory"].get<bool>();
  SessionName name{(*members)["session"], (*members)["token"], std::chrono::duration<double>(*ttl),
                   shared && *shared};
  // Absent in replies of servers up to 0.1.
  const auto server = (*members)["server"].get<std::map<std::string, any>>();
  if (server && server->contains("frame_bytes_max")) {
    const auto most = server->at("frame_bytes_max").get<std::uint64_t>();
    if (most) name.frame_bytes_max = *most;
  }
  connection.inbox.allow(name.frame_bytes_max);
  return name;
}

Expected<std::uint64_t> resume_session(Connection& connection, const SessionName& name,
                                       const Deadline& deadline, const Wait& wait) {
  const Params params = params_of(name.session, name.token);
  connection.inbox.allow(name.frame_bytes_max);
  auto members = members_of(exchange(connection, methods::session_resume, params, deadline, wait),
                            methods::session_resume);
  if (!members) return members.failure();
  return (*members)["last_seen"].get<std::uint64_t>();
}

}  // namespace agora::detail
