#include "client/src/transport/handshake.hpp"

#include <map>
#include <unistd.h>

#include <agora/detail/handle.hpp>
#include <agora/detail/methods.hpp>

#include "client/src/transport/descriptors.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {
namespace {

/// A handshake is no numbered call; numbers begin at 1.
constexpr std::uint32_t kHandshakeId = 0;
constexpr const char* kCalledOff = "the manager has ended";

Failure broken(std::string_view method, const char* reason) {
  return fail(Errc::unavailable, std::string(method) + ": " + reason);
}

// A handshake is far smaller than what a kernel takes at once, yet nothing says that it must be.
Expected<void> send_whole(Link& link, std::string_view bytes, std::string_view method,
                          const Deadline& deadline, const Wait& wait) {
  while (!bytes.empty()) {
    const iovec one[] = {part(bytes)};
    const Socket::Result sent = link.channel.send(one);
    if (sent.io == Socket::Io::ended) return broken(method, "the server has closed the connection");
    if (is_past(deadline)) return broken(method, "the server did not answer in time");
    const bool full = sent.io == Socket::Io::later;
    if (full && !wait(link.channel.fd(), POLLOUT, deadline)) return broken(method, kCalledOff);
    bytes.remove_prefix(sent.bytes);
  }
  return {};
}

/// @param descriptors  where those that come along go; null: none are expected
Expected<Packed> exchange(Link& link, const Method& called, const Params& params,
                          const Deadline& deadline, const Wait& wait,
                          std::vector<int>* descriptors = nullptr) {
  const std::string_view method = called.name;
  std::string message;
  begin_msgpack_request(kHandshakeId, method, params.count, message);
  message += params.bytes;
  if (auto sent = send_whole(link, message, method, deadline, wait); !sent) return sent.failure();
  for (;;) {
    auto next = link.inbox.next();
    if (!next) return next.failure();
    if (*next && (*next)->kind == ServerMessage::Kind::reply) {
      ServerMessage& reply = **next;
      if (!reply.ok()) return Failure{std::move(reply.error)};
      return Packed(reply.result);
    }
    if (*next) continue;
    if (is_past(deadline)) return broken(method, "the server did not answer in time");
    const std::span<char> space = link.inbox.space();
    const Socket::Result got = descriptors != nullptr
                                   ? link.channel.socket().receive_with(space, *descriptors)
                                   : link.channel.receive(space, Clock::now());
    if (got.io == Socket::Io::ended) return broken(method, "the server has closed the connection");
    link.inbox.filled(got.bytes);
    if (got.io == Socket::Io::some) continue;
    if (!wait(link.channel.fd(), POLLIN, deadline)) return broken(method, kCalledOff);
  }
}

Expected<std::map<std::string, any>> members_of(Expected<Packed> reply, const Method& method) {
  if (!reply) return reply.failure();
  auto members = unpack<std::map<std::string, any>>(*reply);
  if (members) return members;
  members.error().message.insert(0, std::string(method.name) + ": ");
  return members.failure();
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

}  // namespace

bool ask_for_ring(Link& link, const Deadline& deadline, const Wait& wait) {
  Descriptors got;
  const auto reply = exchange(link, methods::session_ring, params_of(), deadline, wait, &got.list);
  if (!reply) return reply.error().code != Errc::unavailable;
  if (!got.list.empty()) static_cast<void>(link.channel.go_over(got.list.front()));
  return true;
}

Expected<SessionName> open_session(Link& link, const manager_options& options,
                                   const Deadline& deadline, const Wait& wait) {
  const Params params = params_of(std::chrono::duration<double>(options.ttl).count(),
                                  options.client, host_name(), static_cast<std::int64_t>(getpid()));
  auto members = members_of(exchange(link, methods::session_open, params, deadline, wait),
                            methods::session_open);
  if (!members) return members.failure();
  auto ttl = (*members)["ttl"].get<double>();
  if (!ttl) return ttl.failure();
  const auto shared = (*members)["shared_memory"].get<bool>();
  return SessionName{(*members)["session"], (*members)["token"],
                     std::chrono::duration<double>(*ttl), shared && *shared};
}

Expected<std::uint64_t> resume_session(Link& link, const SessionName& name,
                                       const Deadline& deadline, const Wait& wait) {
  const Params params = params_of(name.session, name.token);
  auto members = members_of(exchange(link, methods::session_resume, params, deadline, wait),
                            methods::session_resume);
  if (!members) return members.failure();
  return (*members)["last_seen"].get<std::uint64_t>();
}

}  // namespace agora::detail
