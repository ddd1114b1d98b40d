// session.*: a client's presence that outlives its connections. Calls are numbered and take effect
// at most once; replies of changing calls are kept until acknowledged. Semantics:
// docs/concepts/sessions.md.

#include <cmath>
#include <utility>

#include "server/core/machine/call.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/shm/ring.hpp"

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

bool can_map(Machine& machine, const Peer& peer) {
  return machine.input().sharing != nullptr && peer.may_map;
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
  out.text("shared_memory"), out.boolean(can_map(machine, link_of(call).peer));
  return Progress::done;
}

/// Equal, in a time that says nothing of where they differ.
bool same_secret(std::string_view a, std::string_view b) {
  int difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

/// The opened session that the first two parameters name.
/// @error session_lost     there is none, or none any more.
/// @error unauthenticated  that is not its token.
Expected<Session*> session_named(Call& call) {
  Machine& machine = call.machine();
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
  return session;
}

Outcome resume(Call& call) {
  Machine& machine = call.machine();
  Link& link = link_of(call);
  if (link.session->opened) return has_session(*link.session);
  auto named = session_named(call);
  if (!named) return named.failure();
  Session* const session = *named;
  const std::uint64_t last_seen = session->last_seen;
  machine.resume_session(*session, link);
  session->last_heard = machine.now();
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
  call.machine().end_session(call.session(), true);
  return Progress::done;
}

// ---- shared memory: docs/protocol/shared-memory.md -----------------------------------------

/// The session, if it may touch what it has mapped.
Expected<Session*> mapped(Call& call) {
  Session* session = opened(call);
  if (session != nullptr && session->mapped) return session;
  return fail(Errc::runtime_error, "this session has mapped no shared memory; see session.map");
}

Outcome map(Call& call) {
  // How many descriptors the kernel takes along with one message.
  constexpr std::size_t kExtentsMax = 250;
  Machine& machine = call.machine();
  Link& link = link_of(call);
  auto session = session_named(call);
  if (!session) return session.failure();
  if ((*session)->unmapped) {
    return fail(Errc::forbidden, "this session has said session.unmap: it gets no memory any more");
  }
  if (!can_map(machine, link.peer) || !(*session)->peer.may_map) {
    return fail(Errc::forbidden,
                "this connection cannot get shared memory: that needs the Unix "
                "socket, the server's own user, and a server that shares");
  }
  // First: it may add an extent.
  const Handle memory = machine.mapped_view().publish_memory();
  const auto all = machine.input().sharing->extents();
  if (all.empty()) {
    return fail(Errc::forbidden, "this server's system gives it no memory that can be shared");
  }
  const std::int64_t asked = call.integer(2);
  if (asked < 0 || static_cast<std::size_t>(asked) > all.size()) {
    return fail(Errc::value_error,
                "first must be 0 to " + std::to_string(all.size()) + ", the number of extents");
  }
  const auto first = static_cast<std::size_t>(asked);
  const std::size_t count = std::min(all.size() - first, kExtentsMax);
  (*session)->mapped = true;
  Effect& effect = machine.push(Effect::Kind::extents, link.id, call.caller().tag);
  effect.session = (*session)->id;
  effect.offset = first;
  effect.length = count;
  Writer out = call.reply();
  out.map(5);
  out.text("memory"), out.unsigned_integer(memory.unit);
  out.text("layout"), out.unsigned_integer(1);
  out.text("hash_key"), out.list(2);
  out.unsigned_integer(machine.input().hash_key.first);
  out.unsigned_integer(machine.input().hash_key.second);
  out.text("extents"), out.list(static_cast<std::uint32_t>(count));
  for (const SharedExtent& extent : all.subspan(first, count)) {
    out.list(3);
    out.boolean(extent.writable);
    out.unsigned_integer(extent.first_page);
    out.unsigned_integer(extent.pages);
  }
  out.text("total"), out.unsigned_integer(all.size());
  return Progress::done;
}

Outcome ring(Call& call) {
  Machine& machine = call.machine();
  Link& link = link_of(call);
  if (!can_map(machine, link.peer)) {
    return fail(Errc::forbidden,
                "this connection cannot get a ring: that needs the Unix socket, the server's own "
                "user, and a server that shares");
  }
  if (link.session == nullptr || link.session->opened || std::exchange(link.ring, true)) {
    return fail(Errc::runtime_error,
                "a connection asks for its ring once, before its session is opened or resumed");
  }
  machine.push(Effect::Kind::ring, link.id, call.caller().tag);
  call.reply().unsigned_integer(shm::kRingTotal);
  return Progress::done;
}

Outcome unmap(Call& call) {
  if (Session* session = opened(call)) {
    session->mapped = false;
    // A session.map of its own may still be on its way, over another connection.
    session->unmapped = true;
  }
  return Progress::done;
}

Outcome locate(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  Machine& machine = call.machine();
  Object* object = machine.registry().find(call.name(0));
  if (object == nullptr) {
    return fail(Errc::not_found, "there is no object " + std::string{call.name(0)});
  }
  const Handle cell = machine.mapped_view().publish(*object);
  if (!cell) return fail(Errc::out_of_memory, "the server has no more memory");
  Located place;
  const bool words = object->state->locate(machine, *object, place);
  if (words) machine.lending().locate((*session)->id, object->id);
  machine.mapped_view().refresh_soon(*object);
  Writer out = call.reply();
  out.map(words ? 9 : 3);
  out.text("type"), out.text(object->type->name);
  out.text("object"), out.unsigned_integer(object->id.number);
  out.text("cell"), out.unsigned_integer(cell.unit);
  if (!words) return Progress::done;
  out.text("word"), out.unsigned_integer(place.first);
  out.text("count"), out.unsigned_integer(place.count);
  out.text("bytes"), out.unsigned_integer(place.element_bytes);
  out.text("typecode"), out.text({&place.typecode, 1});
  out.text("wraps"), out.boolean(place.wraps);
  out.text("base"), out.unsigned_integer(place.token_base);
  return Progress::done;
}

Outcome unlocate(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  const std::int64_t object = call.integer(0);
  call.machine().lending().unlocate((*session)->id, ObjectId{static_cast<std::uint64_t>(object)});
  return Progress::done;
}

Outcome acquire_slot(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  const std::uint32_t slot = call.machine().lending().acquire_slot((*session)->id, call.text(0));
  if (slot != 0) call.reply().unsigned_integer(slot);
  return Progress::done;
}

Outcome release_slot(Call& call) {
  auto session = mapped(call);
  if (!session) return session.failure();
  const std::int64_t slot = call.integer(0);
  if (slot > 0 && slot <= shm::kOwnerSlotMax) {
    call.machine().lending().release_slot((*session)->id, static_cast<std::uint32_t>(slot));
  }
  return Progress::done;
}

constexpr Parameter kSession{"session", ParamKind::text, kRequired, "Its id, from session.open."};
constexpr Parameter kToken{"token", ParamKind::text, kRequired, "Its token, from there."};

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
     .if_reply_lost = "The session ends after its ttl; open another one.",
     .handler = open},
    {.name = "resume",
     .parameters = {kSession, kToken},
     .result = "{epoch, last_seen}",
     .errors = {Errc::session_lost, Errc::unauthenticated, Errc::runtime_error},
     .access = Access::write,
     .cost = "O(its waiting calls)",
     .doc = "Goes on with a session over this connection; an older one is closed. Calls without "
            "an answer are then sent again with their old numbers.",
     .if_reply_lost = retry::kIdempotent,
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
     .if_reply_lost = retry::kIdempotent,
     .handler = acknowledge},
    {.name = "cancel",
     .parameters = {Parameter{"id", ParamKind::integer, kRequired, "The id of the waiting call."}},
     .result = "bool: it still waited",
     .cost = "O(log n) in the waiting calls of the session",
     .doc = "Gives up a waiting call, which is answered Cancelled and takes nothing.",
     .if_reply_lost = retry::kIdempotent,
     .handler = cancel},
    {.name = "ping",
     .result = "null",
     .cost = "O(1)",
     .doc = "A sign of life, as every message is.",
     .if_reply_lost = retry::kRead,
     .handler = ping},
    {.name = "close",
     .result = "null",
     .access = Access::write,
     .cost = "O(what it holds and waits for)",
     .doc = "Ends the session and gives back all it has; further calls on this connection give "
            "SessionLost.",
     .if_reply_lost = retry::kIdempotent,
     .handler = close},
    {.name = "map",
     .parameters = {kSession, kToken,
                    Parameter{"first", ParamKind::integer, default_int(0),
                              "How many extents the caller has already."}},
     .result = "{layout, hash_key, extents: [[writable, first_page, pages]], total, memory}",
     .errors = {Errc::session_lost, Errc::unauthenticated, Errc::forbidden, Errc::value_error},
     .access = Access::write,
     .cost = "O(extents)",
     .doc = "Hands out the server's memory: the reply comes with one descriptor for each extent. "
            "To be called on a connection of its own to the Unix socket, since a session's own "
            "connection is read without room for descriptors. The session named has no ttl from "
            "now on: it ends with its process, session.close or server.end_session.",
     .if_reply_lost = retry::kIdempotent,
     .handler = map},
    {.name = "ring",
     .result = "int: how many bytes to map of the descriptor that comes along",
     .errors = {Errc::forbidden, Errc::runtime_error},
     .access = Access::write,
     .cost = "some 20 us",
     .doc = "If the reply comes with a descriptor, all further bytes of this connection, in both "
            "directions, may go through the rings in its memory (shared/shm/ring.hpp); bytes of "
            "value 0 on the socket then only wake. Without one the connection stays as it is. To "
            "be called first on a connection; nothing may follow before its reply is there.",
     .if_reply_lost = "Make another connection.",
     .handler = ring},
    {.name = "unmap",
     .result = "null",
     .access = Access::write,
     .cost = "O(1)",
     .doc = "What session.map handed out was not mapped, or is no longer: the ttl counts again.",
     .if_reply_lost = retry::kIdempotent,
     .handler = unmap},
    {.name = "locate",
     .parameters = {kNameOf},
     .result = "{type, object, cell}, and for words {word, count, bytes, typecode, wraps, base}",
     .errors = {Errc::not_found, Errc::out_of_memory, Errc::runtime_error},
     .access = Access::write,
     .cost = "O(1), or O(size) when a table is located for the first time",
     .doc = "Where an object lies in what session.map has handed out. The session may touch its "
            "words from now on, until it says session.unlocate or ends.",
     .if_reply_lost = "Locate it again; the place stays reserved until the session ends.",
     .handler = locate},
    {.name = "unlocate",
     .formerly = "let_go",
     .parameters = {Parameter{"object", ParamKind::integer, kRequired, "From session.locate."}},
     .result = "null",
     .errors = {Errc::runtime_error},
     .access = Access::write,
     .cost = "O(log objects located)",
     .doc = "The session will not touch that object's words any more, if it has said so as often "
            "as it located it.",
     .if_reply_lost = retry::kOnce,
     .handler = unlocate},
    {.name = "acquire_slot",
     .formerly = "owner_slot",
     .parameters = {Parameter{"owner", ParamKind::text, kRequired,
                              "What the thread calls itself in calls."}},
     .result = "int: the number that stands for it in lock words; null: none is left",
     .errors = {Errc::runtime_error},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Gives a thread a name in lock words.",
     .if_reply_lost = "Ask again; the slot stays taken until the session ends.",
     .handler = acquire_slot},
    {.name = "release_slot",
     .formerly = "return_slot",
     .parameters = {Parameter{"slot", ParamKind::integer, kRequired, "From session.acquire_slot."}},
     .result = "null",
     .errors = {Errc::runtime_error},
     .access = Access::write,
     .cost = "O(locks that were ever located)",
     .doc = "The thread ends. A slot that still holds a lock stays with the session.",
     .if_reply_lost = retry::kIdempotent,
     .handler = release_slot},
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
