// session.*: a client's presence that outlives its connections. Calls are numbered and take effect
// at most once; replies of changing calls are kept until acknowledged. Semantics:
// docs/concepts/sessions.md.

#include <cmath>

#include "server/core/call.hpp"
#include "server/core/people.hpp"
#include "server/core/scalar.hpp"
#include "server/objects/lost_replies.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

Link& link_of(Call& call) { return *call.machine().sessions().find(call.caller().link); }

Failure has_session(const Session& session) {
  return fail(Errc::runtime_error,
              "this connection already speaks for the opened session " + session_text(session.id));
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
  if (session.opened) return has_session(session);
  auto ttl = ttl_of(call);
  if (!ttl) return ttl.failure();
  if (!call.text(1).empty()) session.peer.client = call.text(1);
  if (!call.text(2).empty()) session.peer.host = call.text(2);
  // What the kernel says of the other end is not open to claims.
  if (const auto pid = call.maybe_integer(3); pid && !session.peer.pid_proven) {
    session.peer.pid = *pid;
  }
  session.token = session.peer.secret;
  machine.sessions().upgrade(session, *ttl, machine.now());
  machine.push(Effect::Kind::session_attached, session.link, 0).session = session.id;
  Writer out = call.reply();
  out.map(5);
  out.text("session"), out.text(session_text(session.id));
  out.text("token"), out.text(session.token);
  out.text("ttl"), out.real(seconds_of(*ttl));
  out.text("server");
  out.map(2);
  out.text("version"), out.text(machine.input().version);
  out.text("incarnation"), out.text(machine.input().incarnation);
  out.text("shared_memory"), out.null();
  return Progress::done;
}

/// Equal, in a time that says nothing of where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  int difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

Outcome resume(Call& call) {
  Machine& machine = call.machine();
  Link& link = link_of(call);
  if (link.session->opened) return has_session(*link.session);
  const SessionId id = session_of(call.text(0));
  const std::string_view token = call.text(1);
  const Failure wrong = fail(Errc::unauthenticated, "that is not the token of the session");
  Session* session = machine.sessions().find(id);
  if (session == nullptr || !session->opened) {
    const LostSession* lost = machine.sessions().lost(id);
    if (lost != nullptr && !same_secret(lost->token, token)) {
      return fail(*wrong.error);
    }
    return fail(session_lost(lost, Done::unknown));
  }
  if (!same_secret(session->token, token)) return fail(*wrong.error);
  const std::uint64_t last_seen = session->last_seen;
  machine.resume_session(*session, link);
  session->alive = machine.now();
  Writer out = call.reply();
  out.map(2);
  out.text("epoch"), out.unsigned_integer(session->epoch);
  out.text("last_seen"), out.unsigned_integer(last_seen);
  return Progress::done;
}

/// The opened session of the caller; acknowledging and the like mean nothing without.
Session* opened(Call& call) {
  Session* session = link_of(call).session;
  return session != nullptr && session->opened ? session : nullptr;
}

Outcome acknowledge(Call& call) {
  Session* session = opened(call);
  if (session == nullptr) {
    return fail(Errc::runtime_error, "this connection has no opened session; see session.open");
  }
  const std::int64_t through = call.integer(0);
  if (through < 0) return fail(Errc::value_error, "through must not be negative");
  if (call.given(1)) {
    Reader reader{call.arg(1)};
    Token head;
    static_cast<void>(reader.next(head));
    for (std::uint32_t i = 0; i < head.count; ++i) {
      const PackedView number = reader.value();
      if (number.kind() == Kind::integer && !read(number).negative) continue;
      return fail(Errc::value_error, "numbers must be a list of call numbers");
    }
  }
  call.machine().acknowledge(*session, static_cast<std::uint64_t>(through), call.arg(1));
  return Progress::done;
}

Outcome cancel(Call& call) {
  Machine& machine = call.machine();
  Session& session = *link_of(call).session;
  const std::int64_t id = call.integer(0);
  Waiter* waiter = nullptr;
  if (id >= 0) {
    waiter = machine.waiters().find_wire(session, static_cast<std::uint64_t>(id));
  }
  call.reply().boolean(waiter != nullptr);
  if (waiter != nullptr) {
    machine.refuse(*waiter, Errc::cancelled, "the waiting call was cancelled");
  }
  return Progress::done;
}

Outcome ping(Call&) { return Progress::done; }

Outcome close(Call& call) {
  call.machine().end_session(call.session());
  return Progress::done;
}

constexpr Method kMethods[] = {
    {.name = "open",
     .parameters = {Parameter{"ttl", ParamKind::number, default_int(10),
                              "Seconds without a sign of life after which the session ends, 1 to "
                              "3600."},
                    Parameter{"client", ParamKind::text, default_text(""),
                              "What the program calls itself."},
                    Parameter{"host", ParamKind::text, default_text(""), "The host it runs on."},
                    Parameter{"pid", ParamKind::integer, kNull, "Its process id there."}},
     .result = "{session, token, ttl, server: {version, incarnation}, shared_memory}",
     .errors = {Errc::runtime_error, Errc::value_error},
     .access = Access::write,
     .cost = "O(log sessions)",
     .doc = "Makes the connection's session one that outlives it. From here on calls are numbered "
            "by their ids, and each takes effect at most once however often it is sent.",
     .lost = "The session ends after its ttl; open another one.",
     .handler = open},
    {.name = "resume",
     .parameters = {Parameter{"session", ParamKind::text, kRequired, "Its id, from session.open."},
                    Parameter{"token", ParamKind::text, kRequired, "Its token, from there."}},
     .result = "{epoch, last_seen}",
     .errors = {Errc::session_lost, Errc::unauthenticated, Errc::runtime_error},
     .access = Access::write,
     .cost = "O(its waiting calls)",
     .doc = "Goes on with a session over this connection; an older one is closed. Calls without "
            "an answer are then sent again with their old numbers.",
     .lost = lost::kIdempotent,
     .handler = resume},
    {.name = "acknowledge",
     .parameters = {Parameter{"through", ParamKind::integer, default_int(0),
                              "All replies up to this number have arrived."},
                    Parameter{"numbers", ParamKind::list, kAbsent,
                              "These have arrived as well, above it."}},
     .result = "null",
     .errors = {Errc::runtime_error, Errc::value_error},
     .cost = "O(replies forgotten)",
     .doc = "Lets the server forget replies. What a queue handed out with them is the caller's "
            "from now on. Best sent as a notification.",
     .lost = lost::kIdempotent,
     .handler = acknowledge},
    {.name = "cancel",
     .parameters = {Parameter{"id", ParamKind::integer, kRequired, "The id of the waiting call."}},
     .result = "bool: it still waited",
     .cost = "O(log n) in the waiting calls of the session",
     .doc = "Gives up a waiting call, which is answered Cancelled and takes nothing.",
     .lost = lost::kIdempotent,
     .handler = cancel},
    {.name = "ping",
     .result = "null",
     .cost = "O(1)",
     .doc = "A sign of life, as every message is.",
     .lost = lost::kRead,
     .handler = ping},
    {.name = "close",
     .result = "null",
     .access = Access::write,
     .cost = "O(what it holds and waits for)",
     .doc = "Ends the session and gives back all it has; further calls on this connection give "
            "SessionLost.",
     .lost = lost::kIdempotent,
     .handler = close},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& session_methods() {
  static constexpr ObjectType kType{.name = "session",
                                    .doc = "A client's presence that outlives its connections.",
                                    .methods = kMethods};
  return kType;
}

}  // namespace agora
