// SPDX-License-Identifier: MIT

// server.*: methods about the server itself: its sessions, locks and waiting calls.

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/machine/describe.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/system/visibility.hpp"
#include "server/objects/types.hpp"

namespace agora {
namespace {

Outcome info(Call& call) {
  const MachineInput& input = call.machine().input();
  Writer out = call.reply();
  out.map(6);
  out.text("version"), out.text(input.version);
  out.text("incarnation"), out.text(input.incarnation);
  out.text("pid"), out.integer(input.pid);
  out.text("started"), out.real(call.machine().wall_seconds(input.started));
  out.text("time"), out.real(call.machine().wall_seconds(call.now()));
  out.text("durable"), out.boolean(false);
  return Progress::done;
}

Outcome stats(Call& call) {
  Machine& machine = call.machine();
  Writer out = call.reply();
  out.map(7);
  out.text("objects"), out.unsigned_integer(machine.registry().size());
  out.text("sessions"), out.unsigned_integer(machine.sessions().size());
  out.text("waiters"), out.unsigned_integer(machine.waiters().size());
  out.text("calls"), out.unsigned_integer(machine.calls());
  out.text("bytes_used"), out.unsigned_integer(machine.memory_used());
  out.text("bytes_reserved"), out.unsigned_integer(machine.bytes_reserved());
  out.text("bytes_max"), out.unsigned_integer(machine.limits().memory_bytes_max);
  return Progress::done;
}

Outcome methods(Call& call) {
  Writer out = call.reply();
  write_catalogue(out, call.machine().catalogue());
  return Progress::done;
}

/// Writes the names of the objects on which the session has a grant, in order of their creation.
void write_grants(Writer& out, Machine& machine, const Visibility& visible,
                  const Session& session) {
  std::set<ObjectId> ids;
  session.grants.each([&](ObjectId id) { ids.insert(id); });
  // Locks that its threads took in shared memory are visible only in the lock words.
  for (const ObjectId id : machine.lending().held_by(session.id)) ids.insert(id);
  std::vector<std::string_view> names;
  for (const ObjectId id : ids) {
    const Object* const object = machine.registry().find(id);
    if (object != nullptr && visible.sees_name(object->name)) names.push_back(object->name);
  }
  out.list(static_cast<std::uint32_t>(names.size()));
  for (const std::string_view name : names) out.text(name);
}

void write_waits(Writer& out, Machine& machine, const Visibility& visible, SessionId session) {
  std::vector<std::pair<const Waiter*, const Object*>> waits;
  machine.waiters().each_place([&](const Waiter& waiter, const Object& object) {
    if (waiter.session == session && visible.sees_name(object.name))
      waits.emplace_back(&waiter, &object);
  });
  out.list(static_cast<std::uint32_t>(waits.size()));
  for (const auto& [waiter, object] : waits) {
    out.map(2);
    out.text("method"), out.text(full_name(waiter->method));
    out.text("object"), out.text(object->name);
  }
}

Outcome sessions(Call& call) {
  Machine& machine = call.machine();
  const Visibility visible{call};
  std::string items;
  Writer out{items};
  std::uint32_t found = 0;
  machine.sessions().each([&](const Session& session) {
    if (!visible.sees(session)) return;
    ++found;
    out.map(8);
    out.text("id"), out.text(session_text(machine, session.id));
    out.text("client"), out.text(session.peer.client);
    out.text("host"), out.text(session.peer.host);
    out.text("pid");
    session.peer.pid != 0 ? out.integer(session.peer.pid) : out.null();
    out.text("transport"), out.text(session.mapped ? "shared memory" : session.peer.transport);
    out.text("opened"), out.real(machine.wall_seconds(session.opened_at));
    out.text("holds"), write_grants(out, machine, visible, session);
    out.text("waits"), write_waits(out, machine, visible, session.id);
  });
  Writer reply = call.reply();
  reply.list(found);
  reply.out() += items;
  return Progress::done;
}

Outcome locks(Call& call) {
  Machine& machine = call.machine();
  const Visibility visible{call};
  std::string items;
  Writer out{items};
  std::uint32_t found = 0;
  machine.registry().each_after({}, [&](const Object& object) {
    const Lockable* lock = object.state->as_lock();
    if (lock == nullptr || !visible.sees_lock(object)) return true;
    const std::vector<Holder> holders = visible.holders(object);
    out.map(4);
    out.text("name"), out.text(object.name);
    out.text("type"), out.text(object.type->name);
    out.text("holders"), write_holders(out, machine, holders);
    out.text("waiters"), out.unsigned_integer(object.waiters.size());
    ++found;
    return true;
  });
  Writer reply = call.reply();
  reply.list(found);
  reply.out() += items;
  return Progress::done;
}

void write_wait(Writer& out, Machine& machine, const Visibility& visible, const Waiter& waiter,
                const Object& object) {
  out.map(6);
  out.text("waiter"), write_session(out, machine, waiter.session, waiter.owner);
  out.text("method"), out.text(full_name(waiter.method));
  out.text("object"), out.text(object.name);
  out.text("since"), out.real(machine.wall_seconds(waiter.since));
  out.text("until");
  waiter.until ? out.real(machine.wall_seconds(*waiter.until)) : out.null();
  out.text("for"), write_holders(out, machine, visible.holders(object));
}

/// Returns the waits as a graph for Graphviz: sessions are boxes, an arrow says "waits for".
std::string waits_as_dot(Machine& machine, const Visibility& visible) {
  std::string dot = "digraph waits {\n";
  machine.waiters().each_place([&](const Waiter& waiter, const Object& object) {
    if (!visible.sees_wait(waiter, object)) return;
    const std::vector<Holder> holders = visible.holders(object);
    const std::string from = "  \"" + session_text(machine, waiter.session) + "\" -> ";
    const std::string label = " [label=\"" + full_name(waiter.method) + "\"];\n";
    if (holders.empty()) dot += from + "\"" + dot_text(object.name) + "\"" + label;
    for (const Holder& holder : holders) {
      dot += from + "\"" + session_text(machine, holder.session) + "\" [label=\"" +
             dot_text(object.name) + "\"];\n";
    }
  });
  return dot + "}\n";
}

Outcome waits(Call& call) {
  Machine& machine = call.machine();
  const std::string_view format = call.text(0);
  const Visibility visible{call};
  Writer out = call.reply();
  if (format == "dot") {
    out.text(waits_as_dot(machine, visible));
    return Progress::done;
  }
  if (format != "list") return fail(Errc::value_error, "format must be \"list\" or \"dot\"");
  std::string items;
  Writer rows{items};
  std::uint32_t found = 0;
  machine.waiters().each_place([&](const Waiter& waiter, const Object& object) {
    if (!visible.sees_wait(waiter, object)) return;
    write_wait(rows, machine, visible, waiter, object);
    ++found;
  });
  out.list(found);
  out.out() += items;
  return Progress::done;
}

Outcome end_session(Call& call) {
  const SessionId session = session_of(call.machine(), call.text(0));
  if (call.machine().sessions().find(session) == nullptr) {
    return fail(Errc::session_lost, "there is no session " + std::string{call.text(0)} +
                                        "; server.sessions lists them");
  }
  call.machine().end_session(session);
  return Progress::done;
}

Outcome shutdown(Call& call) {
  call.machine().push(Effect::Kind::shutdown, {}, 0);
  return Progress::done;
}

constexpr Method kMethods[] = {
    {.name = "info",
     .result = "{version, incarnation, pid, started, time, durable}",
     .cost = "O(1)",
     .doc = "Describes this server; times are in seconds since 1970.",
     .if_reply_lost = retry::kRead,
     .handler = info},
    {.name = "stats",
     .result = "{objects, sessions, waiters, calls, bytes_used, bytes_reserved, bytes_max}",
     .cost = "O(1)",
     .doc = "Returns the numbers of objects, sessions, waiters and calls, and the memory in use.",
     .if_reply_lost = retry::kRead,
     .handler = stats},
    {.name = "methods",
     .result = "the catalogue as data",
     .cost = "O(methods)",
     .doc = "Returns every type and method with parameters, results, errors and costs.",
     .if_reply_lost = retry::kRead,
     .handler = methods},
    {.name = "sessions",
     .result = "[{id, client, host, pid, transport, opened, holds, waits}]",
     .cost = "O(sessions x waiters)",
     .doc = "Lists the sessions: client, origin, and the objects that each holds and waits for.",
     .if_reply_lost = retry::kRead,
     .handler = sessions},
    {.name = "locks",
     .result = "[{name, type, holders: [{session, host, pid, owner, token, since}], waiters}]",
     .cost = "O(objects)",
     .doc = "Lists every lock with its holders, since when they hold it, and the number of "
            "waiters. A free lock has no holders.",
     .if_reply_lost = retry::kRead,
     .handler = locks},
    {.name = "waits",
     .parameters = {Parameter{"format", ParamKind::text, default_text("list"),
                              "list, or dot for a graph that Graphviz draws."}},
     .result = "[{waiter: {session, host, pid, owner}, method, object, since, until, for: "
               "[holders]}], or text",
     .errors = {Errc::value_error},
     .cost = "O(waiters x holders)",
     .doc = "Lists every waiting call: the waiter, the object, since when, until when, and the "
            "holders that it waits for. A call that waits at several objects is listed once for "
            "each.",
     .if_reply_lost = retry::kRead,
     .handler = waits},
    {.name = "end_session",
     .parameters = {Parameter{"session", ParamKind::text, kRequired,
                              "The session's id, as server.sessions lists it."}},
     .result = "null",
     .errors = {Errc::session_lost},
     .access = Access::write,
     .role = Role::admin,
     .cost = "O(objects held and calls waiting)",
     .doc = "Ends a session: releases everything that it holds, and closes its connection.",
     .if_reply_lost = retry::kIdempotent,
     .handler = end_session},
    {.name = "shutdown",
     .result = "null",
     .access = Access::write,
     .role = Role::admin,
     .cost = "O(sessions)",
     .doc = "Shuts the server down gracefully.",
     .if_reply_lost = retry::kIdempotent,
     .handler = shutdown},
};
static_assert(check_table(kMethods));

}  // namespace

const ObjectType& server_methods() {
  static constexpr ObjectType kType{
      .name = "server",
      .doc = "The server itself: its sessions, locks and waiting calls.",
      .methods = kMethods};
  return kType;
}

}  // namespace agora
