// SPDX-License-Identifier: MIT

// session.*: a client's session, which outlives its connections. Calls are numbered and take effect
// at most once; replies of changing calls are kept until acknowledged. Semantics:
// docs/concepts/sessions-and-death.md.

#include <cmath>
#include <unordered_map>
#include <utility>

#include "server/core/machine/call.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/system/login_methods.hpp"
#include "server/objects/system/shared_memory_methods.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

/// Compares secrets in constant time.
bool same_secret(std::string_view a, std::string_view b) {
  int difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace

namespace session_calls {

Link& link_of(Call& call) { return *call.machine().sessions().find(call.caller().link); }

bool can_map(Machine& machine, const Peer& peer) {
  return machine.input().sharing != nullptr && peer.may_map;
}

Expected<Session*> session_named(Call& call) {
  Machine& machine = call.machine();
  const SessionId id = session_of(machine, call.text(0));
  const std::string_view token = call.text(1);
  Session* session = machine.sessions().find(id);
  if (session == nullptr || !session->opened) {
    const LostSession* lost = machine.sessions().lost(id);
    // Only the session's own client learns what the session had.
    if (lost != nullptr && !same_secret(lost->token, token)) lost = nullptr;
    return fail(session_lost(lost, Done::unknown));
  }
  if (!same_secret(session->token, token)) {
    return fail(Errc::unauthenticated, "that is not the token of the session");
  }
  return session;
}

Session* opened(Call& call) {
  Session* session = link_of(call).session;
  return session != nullptr && session->opened ? session : nullptr;
}

}  // namespace session_calls

namespace {

using namespace session_calls;

Failure has_session(const Machine& machine, const Session& session) {
  return fail(Errc::runtime_error, "this connection already speaks for the opened session " +
                                       session_text(machine, session.id));
}

Expected<Duration> ttl_of(Call& call) {
  const Limits& limits = call.machine().limits();
  const Token token = read(call.given(0) ? call.arg(0) : PackedView{"\x0a"});
  const double seconds = token.kind == Kind::real ? token.real
                         : token.negative         ? -1
                                                  : static_cast<double>(token.natural);
  if (!(seconds >= limits.session_ttl_min && seconds <= limits.session_ttl_max)) {
    return fail(Errc::value_error,
                "ttl must be " + std::to_string(static_cast<int>(limits.session_ttl_min)) + " to " +
                    std::to_string(static_cast<int>(limits.session_ttl_max)) + " seconds");
  }
  return Duration{static_cast<std::int64_t>(std::ceil(seconds * 1e9))};
}

Outcome open(Call& call) {
  Machine& machine = call.machine();
  Session& session = *link_of(call).session;
  if (session.opened) return has_session(machine, session);
  auto ttl = ttl_of(call);
  if (!ttl) return ttl.failure();
  for (const std::size_t i : {1U, 2U}) {
    const std::size_t most = machine.limits().client_bytes_max;
    if (call.text(i).size() <= most) continue;
    return fail(Errc::value_error, std::string{i == 1 ? "client" : "host"} + " must be at most " +
                                       std::to_string(most) + " bytes, got " +
                                       std::to_string(call.text(i).size()));
  }
  if (!call.text(1).empty()) session.peer.client = call.text(1);
  if (!call.text(2).empty()) session.peer.host = call.text(2);
  // The peer's pid from the kernel takes precedence over the client's own claim.
  if (const auto pid = call.maybe_integer(3); pid && !session.peer.pid_proven) {
    session.peer.pid = *pid;
  }
  session.token = session.peer.secret;
  machine.sessions().upgrade(session, *ttl, machine.now());
  machine.push(Effect::Kind::session_attached, session.link, 0).session = session.id;
  Writer out = call.reply();
  out.map(5);
  out.text("session"), out.text(session_text(machine, session.id));
  out.text("token"), out.text(session.token);
  out.text("ttl"), out.real(seconds_of(*ttl));
  out.text("server");
  out.map(3);
  out.text("version"), out.text(machine.input().version);
  out.text("incarnation"), out.text(machine.input().incarnation);
  out.text("frame_bytes_max"), out.unsigned_integer(machine.limits().frame_bytes_max);
  out.text("shared_memory"), out.boolean(can_map(machine, link_of(call).peer));
  return Progress::done;
}

Outcome resume(Call& call) {
  Machine& machine = call.machine();
  Link& link = link_of(call);
  if (link.session->opened) return has_session(machine, *link.session);
  auto named = session_named(call);
  if (!named) return named.failure();
  Session* const session = *named;
  if (!same_client(session->peer.identity, link.peer.identity)) {
    return fail(Errc::unauthenticated,
                "another client has opened that session: log in as that client first");
  }
  const std::uint64_t last_seen = session->last_seen;
  machine.resume_session(*session, link);
  session->last_heard = machine.now();
  Writer out = call.reply();
  out.map(2);
  out.text("epoch"), out.unsigned_integer(session->epoch);
  out.text("last_seen"), out.unsigned_integer(last_seen);
  return Progress::done;
}

Error no_opened_session() {
  return {
      Errc::runtime_error, "this connection has no opened session; see session.open", Done::no, {}};
}

Outcome acknowledge(Call& call) {
  Session* session = opened(call);
  if (session == nullptr) {
    return fail(no_opened_session());
  }
  const std::int64_t through = call.integer(0);
  if (through < 0) return fail(Errc::value_error, "through must not be negative");
  if (call.given(1)) {
    for (const PackedView number : Elements{call.arg(1)}) {
      if (number.kind() == Kind::integer && !read(number).negative) continue;
      return fail(Errc::value_error, "numbers must be a list of call numbers");
    }
  }
  call.machine().acknowledge(*session, static_cast<std::uint64_t>(through), call.arg(1));
  return Progress::done;
}

Outcome decline(Call& call) {
  Session* session = opened(call);
  if (session == nullptr) return fail(no_opened_session());
  const std::int64_t number = call.integer(0);
  if (number < 1) return fail(Errc::value_error, "number must be that of a call, 1 or more");
  call.reply().boolean(call.machine().decline(*session, static_cast<std::uint64_t>(number)));
  return Progress::done;
}

/// Returns the oldest waiter of this connection with one of the tags: the JSON protocol names calls
/// by them whose ids are no natural numbers.
Waiter* waiter_by_tag(Call& call, const Session& session) {
  std::unordered_map<std::uint64_t, Waiter*> waiting;  // never iterated
  Waiter* each = call.machine().waiters().first_of(session.id);
  for (; each != nullptr; each = Waiters::next_of_session(*each)) {
    if (each->link == call.caller().link) waiting.emplace(each->tag, each);
  }
  call.machine().spend(waiting.size());
  for (const PackedView tag : Elements{call.arg(0)}) {
    const Token token = read(tag);
    if (token.kind != Kind::integer || token.negative) break;
    const auto waiter = waiting.find(token.natural);
    if (waiter != waiting.end()) return waiter->second;
  }
  return nullptr;
}

Expected<Waiter*> waiter_to_cancel(Call& call, Session& session) {
  const Token id = read(call.arg(0));
  if (id.kind == Kind::integer) {
    return id.negative ? nullptr : call.machine().waiters().find_wire(session, id.natural);
  }
  if (id.kind == Kind::list && !session.opened) return waiter_by_tag(call, session);
  return fail(Errc::value_error, session.opened
                                     ? "id must be an int: the calls of an opened session are "
                                       "numbered"
                                     : "id must be an int, or over JSON the id of a call");
}

Outcome cancel(Call& call) {
  Machine& machine = call.machine();
  auto found = waiter_to_cancel(call, *link_of(call).session);
  if (!found) return found.failure();
  Waiter* const waiter = *found;
  call.reply().boolean(waiter != nullptr);
  if (waiter != nullptr) {
    machine.refuse(*waiter, Errc::cancelled, "the waiting call was cancelled");
  }
  return Progress::done;
}

Outcome ping(Call&) { return Progress::done; }

Outcome close(Call& call) {
  call.machine().end_session(call.session(), true);
  return Progress::done;
}

constexpr Parameter kSession{"session", ParamKind::text, kRequired,
                             "The session's id, from session.open."};
constexpr Parameter kToken{"token", ParamKind::text, kRequired,
                           "The session's token, from session.open."};

constexpr Method kMethods[] = {
    {.name = "open",
     .parameters = {Parameter{"ttl", ParamKind::number, default_int(10),
                              "Seconds without a message after which the session ends, 1 to 3600."},
                    Parameter{"client", ParamKind::text, default_text(""),
                              "The name of the client program, at most 512 bytes."},
                    Parameter{"host", ParamKind::text, default_text(""),
                              "The host that it runs on, at most 512 bytes."},
                    Parameter{"pid", ParamKind::integer, kNull, "Its process id on that host."}},
     .result = "{session, token, ttl, server: {version, incarnation, frame_bytes_max}, "
               "shared_memory}",
     .errors = {Errc::runtime_error, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log sessions)",
     .doc = "Makes the connection's session one that outlives it. From now on calls are "
            "numbered by their ids, and each takes effect at most once, however often it is "
            "sent.",
     .if_reply_lost = "The session ends after its ttl; open another one.",
     .handler = open},
    {.name = "resume",
     .parameters = {kSession, kToken},
     .result = "{epoch, last_seen}",
     .errors = {Errc::session_lost, Errc::unauthenticated, Errc::runtime_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(its waiting calls)",
     .doc = "Resumes a session on this connection and closes its older one. The client then "
            "sends its calls without a reply again, with their old numbers.",
     .if_reply_lost = retry::kIdempotent,
     .handler = resume},
    {.name = "acknowledge",
     .parameters = {Parameter{"through", ParamKind::integer, default_int(0),
                              "All replies up to this number have arrived."},
                    Parameter{"numbers", ParamKind::list, kAbsent,
                              "Further replies above it that have arrived."}},
     .result = "null",
     .errors = {Errc::runtime_error, Errc::value_error},
     .cost = "O(replies discarded)",
     .doc = "Lets the server discard replies. Queue items delivered with them now belong to "
            "the client. Best sent as a notification.",
     .if_reply_lost = retry::kIdempotent,
     .handler = acknowledge},
    {.name = "decline",
     .parameters = {Parameter{"number", ParamKind::integer, kRequired,
                              "The call whose reply has arrived."}},
     .result = "bool: items went back",
     .errors = {Errc::runtime_error, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log n) for each item",
     .doc =
         "Gives back the queue items that the reply to this call has delivered: they return to "
         "their places, and the delivery does not count. The reply counts as acknowledged. For a "
         "program that has cancelled a get too late. False if the reply was acknowledged before, "
         "or delivered no item.",
     .if_reply_lost = retry::kIdempotent,
     .handler = decline},
    {.name = "cancel",
     .parameters = {Parameter{"id", ParamKind::any, kRequired,
                              "The id of the waiting call: an int, or on a plain JSON connection "
                              "any id."}},
     .result = "bool: the call was still waiting",
     .errors = {Errc::value_error},
     .cost = "O(log n) in the waiting calls of the session",
     .doc =
         "Cancels a waiting call, the oldest one with that id: its reply is the error Cancelled, "
         "and it takes nothing.",
     .if_reply_lost = retry::kIdempotent,
     .handler = cancel},
    {.name = "ping",
     .result = "null",
     .cost = "O(1)",
     .doc = "Sends a heartbeat, as every message does.",
     .if_reply_lost = retry::kRead,
     .handler = ping},
    {.name = "close",
     .result = "null",
     .access = Access::write,
     .role = Role::read,
     .cost = "O(objects held and calls waiting)",
     .doc = "Ends the session and releases everything that it holds. If the session was opened, "
            "further calls on this connection fail with SessionLost. On a plain connection the "
            "server closes the connection behind the reply, and further calls get none.",
     .if_reply_lost = retry::kIdempotent,
     .handler = close},
    {.name = "challenge",
     .result = "{server, nonce}",
     .errors = {Errc::unauthenticated},
     .access = Access::write,
     .role = Role::read,
     .before_login = true,
     .login = LoginCall::challenge,
     .cost = "O(1)",
     .doc = "Returns the server's name and 32 random bytes as 64 hexadecimal digits, for one "
            "session.login on this connection within 60 seconds. A new challenge replaces the old "
            "one.",
     .if_reply_lost = "Ask again: the last challenge is the one that counts.",
     .handler = challenge},
    {.name = "login",
     .parameters = {Parameter{"id", ParamKind::text, kRequired, "The id of the key."},
                    Parameter{
                        "nonce", ParamKind::text, kRequired,
                        "32 random bytes of the client, as 64 lower-case hexadecimal digits."},
                    Parameter{"proof", ParamKind::text, kRequired,
                              "HMAC-SHA-256 under the key, in lower-case hexadecimal digits; "
                              "docs/protocol/login.md has the message."}},
     .result = "{role, proof}: the server's own proof",
     .errors = {Errc::unauthenticated, Errc::runtime_error, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .before_login = true,
     .login = LoginCall::key,
     .cost = "O(1); 1 s after ten failures of this address within a minute",
     .doc = "Logs the connection in by a proof that the client knows a key. The client checks the "
            "server's proof and closes the connection if it is another one.",
     .if_reply_lost = "Connect again and log in there.",
     .handler = login},
    {.name = "login_token",
     .parameters = {Parameter{"token", ParamKind::text, kRequired,
                              "A token of agora token: agora1.ID.EXPIRY.HEX."}},
     .result = "{role}",
     .errors = {Errc::unauthenticated, Errc::forbidden, Errc::runtime_error, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .before_login = true,
     .login = LoginCall::token,
     .cost = "O(1); 1 s after ten failures of this address within a minute",
     .doc = "Logs the connection in by a token, for people and scripts. Works over TLS, loopback "
            "and the Unix socket. The token's expiry limits the login, not the connection.",
     .if_reply_lost = "Connect again and log in there.",
     .handler = login_token},
    {.name = "info",
     .result = "{session, id, role, names, transport, peer}",
     .cost = "O(1)",
     .doc = "Returns the identity of the caller as the server sees it, and its rights. names is "
            "the prefix of the names that it may use, or null.",
     .if_reply_lost = retry::kRead,
     .handler = info},
    {.name = "map",
     .parameters = {kSession, kToken,
                    Parameter{"first", ParamKind::integer, default_int(0),
                              "The number of extents that the caller knows already."}},
     .result = "{layout, hash_key, extents: [[writable, first_page, pages, number]], next, total, "
               "live: [numbers], releases, memory}",
     .errors = {Errc::session_lost, Errc::unauthenticated, Errc::forbidden, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(extents)",
     .doc = "Passes the server's memory to the client: the reply comes with one descriptor "
            "for each extent. The client unmaps each extent below first that is not in live: the "
            "server has released it. Must be called on a separate connection to the Unix socket, "
            "since the session's own connection is read without a buffer for descriptors. The "
            "named session has no ttl from now on: it ends with its process, session.close or "
            "server.end_session.",
     .if_reply_lost = retry::kIdempotent,
     .handler = map},
    {.name = "ring",
     .result = "int: the number of bytes to map of the descriptor that comes with the reply",
     .errors = {Errc::forbidden, Errc::runtime_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "about 20 us",
     .doc = "Moves the connection to shared memory. If the reply comes with a descriptor, all "
            "further bytes in both directions may go through the ring buffers in its memory "
            "(shared/shm/ring.hpp); bytes of value 0 on the socket are then doorbells. "
            "Without a descriptor the connection stays as it is. Must be the first call of a "
            "connection; the client sends nothing more before the reply.",
     .if_reply_lost = "Open another connection.",
     .handler = ring},
    {.name = "unmap",
     .result = "null",
     .access = Access::write,
     .role = Role::read,
     .cost = "O(1)",
     .doc = "Reports that the memory from session.map was not mapped, or is no longer: the ttl "
            "counts again.",
     .if_reply_lost = retry::kIdempotent,
     .handler = unmap},
    {.name = "locate",
     .parameters = {kNameOf},
     .result = "{type, object, cell}, and for words {word, count, bytes, typecode, wraps, base}",
     .errors = {Errc::not_found, Errc::out_of_memory, Errc::runtime_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(1), or O(size) when a table is located for the first time",
     .doc = "Returns the location of an object in the memory from session.map. The session "
            "may access its words from now on, until it calls session.unlocate or ends.",
     .if_reply_lost = "Retry; the location stays reserved until the session ends.",
     .handler = locate},
    {.name = "unlocate",
     .formerly = "let_go",
     .parameters = {Parameter{"object", ParamKind::integer, kRequired,
                              "The object's id, from session.locate."}},
     .result = "null",
     .errors = {Errc::runtime_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(log objects located)",
     .doc = "Releases a location. The session may not access the object's words any more once "
            "it has called this as often as session.locate.",
     .if_reply_lost = retry::kOnce,
     .handler = unlocate},
    {.name = "acquire_slot",
     .formerly = "owner_slot",
     .parameters = {Parameter{"owner", ParamKind::text, kRequired,
                              "The name of the thread, as in the parameter owner of calls."}},
     .result = "int: the owner slot that stands for it in lock words; null: no slot is free",
     .errors = {Errc::runtime_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(1)",
     .doc = "Allocates an owner slot for a thread.",
     .if_reply_lost = "Retry; the slot stays allocated until the session ends.",
     .handler = acquire_slot},
    {.name = "release_slot",
     .formerly = "return_slot",
     .parameters = {Parameter{"slot", ParamKind::integer, kRequired,
                              "The slot, from session.acquire_slot."}},
     .result = "null",
     .errors = {Errc::runtime_error},
     .access = Access::write,
     .role = Role::read,
     .cost = "O(locks that were ever located)",
     .doc = "Releases the slot of a thread that ends. A slot that still holds a lock stays with "
            "the session.",
     .if_reply_lost = retry::kIdempotent,
     .handler = release_slot},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& session_methods() {
  static constexpr ObjectType kType{.name = "session",
                                    .doc = "A client's session, which outlives its connections.",
                                    .methods = kMethods};
  return kType;
}

}  // namespace agora
