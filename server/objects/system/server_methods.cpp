// SPDX-License-Identifier: MIT

// server.*: methods about the server itself: its sessions, locks and waiting calls.

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/machine/describe.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/system/visibility.hpp"
#include "server/objects/types.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/text_detail.hpp"

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

/// Returns the parameter `count` of a list in pages.
Expected<std::size_t> page_count(Call& call, std::size_t index) {
  const std::int64_t count = call.integer(index);
  const auto most = static_cast<std::int64_t>(call.machine().limits().work_elements_max);
  if (count >= 1 && count <= most) return static_cast<std::size_t>(count);
  return fail(Errc::value_error,
              "count must be 1 to " + std::to_string(most) + ", got " + call.decimal(index));
}

/// A page of a list: its elements are counted while they are written.
class Page {
 public:
  Page(Call& call, std::size_t count) : call_(call), count_(count) {}

  Writer& out() { return out_; }
  /// Notes that an element was written. @return whether another one may follow
  bool wrote_one() { return ++written_ < count_ && !is_too_large(); }
  /// Replies with the page.
  /// @error too_large  the page is over the bound of a reply.
  Outcome reply() {
    if (is_too_large()) {
      return fail(Error{Errc::too_large,
                        "the page is over " +
                            std::to_string(call_.machine().limits().frame_bytes_max) +
                            " bytes; pass a smaller count",
                        Done::no,
                        {text_detail("limit", "frame_bytes_max")}});
    }
    Writer reply = call_.reply();
    reply.list(written_);
    reply.out() += items_;
    return Progress::done;
  }

 private:
  bool is_too_large() const { return items_.size() > call_.machine().limits().frame_bytes_max; }

  Call& call_;
  const std::size_t count_;
  std::uint32_t written_ = 0;
  std::string items_;
  Writer out_{items_};
};

/// Writes the names of the first objects on which the session has a grant, in order of their
/// creation.
/// @param lent  objects that its threads hold in shared memory, visible in the lock words only
void write_grants(Writer& out, Machine& machine, const Visibility& visible, const Session& session,
                  const std::vector<ObjectId>& lent) {
  std::set<ObjectId> ids{lent.begin(), lent.end()};
  session.grants.each([&](ObjectId id) { ids.insert(id); });
  std::vector<std::string_view> names;
  std::size_t more = 0;
  for (const ObjectId id : ids) {
    const Object* object = machine.registry().find(id);
    if (object == nullptr || !visible.sees_name(object->name)) continue;
    names.size() < kListedMax ? names.push_back(object->name) : static_cast<void>(++more);
  }
  out.list(static_cast<std::uint32_t>(names.size() + (more > 0 ? 1 : 0)));
  for (const std::string_view name : names) out.text(name);
  if (more > 0) write_more(out, more);
}

/// Returns at how many objects the session waits, as far as the caller may see them.
std::size_t visible_waits(Machine& machine, const Visibility& visible, const Session& session) {
  if (visible.sees_all_names()) return session.waits.all.size() + session.waits.further_places;
  std::size_t count = 0;
  const auto add = [&](const Object& object) { count += visible.sees_name(object.name) ? 1 : 0; };
  for (const Waiter* waiter = machine.waiters().first_of(session.id); waiter != nullptr;
       waiter = Waiters::next_of_session(*waiter)) {
    if (waiter->places().empty()) add(*waiter->object);
    for (const auto& place : waiter->places()) add(*place->object);
  }
  return count;
}

void write_waits(Writer& out, Machine& machine, const Visibility& visible, const Session& session) {
  const std::size_t all = visible_waits(machine, visible, session);
  const std::size_t shown = std::min(all, kListedMax);
  out.list(static_cast<std::uint32_t>(shown + (all > shown ? 1 : 0)));
  std::size_t left = shown;
  const auto write = [&](const Waiter& waiter, const Object& object) {
    if (left == 0 || !visible.sees_name(object.name)) return;
    --left;
    out.map(2);
    out.text("method"), out.text(full_name(waiter.method));
    out.text("object"), out.text(object.name);
  };
  for (const Waiter* waiter = machine.waiters().first_of(session.id); waiter != nullptr && left > 0;
       waiter = Waiters::next_of_session(*waiter)) {
    if (waiter->places().empty()) write(*waiter, *waiter->object);
    for (const auto& place : waiter->places()) write(*waiter, *place->object);
  }
  if (all > shown) write_more(out, all - shown);
}

Outcome sessions(Call& call) {
  Machine& machine = call.machine();
  const Visibility visible{call};
  auto count = page_count(call, 1);
  if (!count) return count.failure();
  SessionId after;
  if (const std::string_view text = call.text(0); !text.empty()) {
    after = session_of(machine, text);
    if (after == SessionId{}) {
      return fail(Errc::value_error, "after must be a session's id, got " + shown(text));
    }
  }
  std::map<SessionId, std::vector<ObjectId>> lent;
  machine.lending().each_held(
      [&](SessionId session, ObjectId lock) { lent[session].push_back(lock); });
  Page page{call, *count};
  machine.sessions().each_after(after, [&](const Session& session) {
    if (!visible.sees(session)) return true;
    Writer& out = page.out();
    out.map(8);
    out.text("id"), out.text(session_text(machine, session.id));
    out.text("client"), out.text(session.peer.client);
    out.text("host"), out.text(session.peer.host);
    out.text("pid");
    session.peer.pid != 0 ? out.integer(session.peer.pid) : out.null();
    out.text("transport"), out.text(session.mapped ? "shared memory" : session.peer.transport);
    out.text("opened"), out.real(machine.wall_seconds(session.opened_at));
    out.text("holds");
    write_grants(out, machine, visible, session, lent[session.id]);
    out.text("waits"), write_waits(out, machine, visible, session);
    return page.wrote_one();
  });
  return page.reply();
}

Outcome locks(Call& call) {
  Machine& machine = call.machine();
  const Visibility visible{call};
  auto count = page_count(call, 1);
  if (!count) return count.failure();
  Page page{call, *count};
  machine.registry().each_after(call.text(0), [&](const Object& object) {
    if (object.state->as_lock() == nullptr || !visible.sees_lock(object)) return true;
    Writer& out = page.out();
    out.map(4);
    out.text("name"), out.text(object.name);
    out.text("type"), out.text(object.type->name);
    out.text("holders"), write_holders(out, machine, visible.holders(object));
    out.text("waiters"), out.unsigned_integer(object.waiters.size());
    return page.wrote_one();
  });
  return page.reply();
}

/// The holders of each object at which the calls of a page wait, as far as the caller sees them.
/// They are looked up once for each object, however many calls wait there.
class WaitedFor {
 public:
  WaitedFor(Machine& machine, const Visibility& visible) : machine_(machine), visible_(visible) {}

  /// Returns the list of its first holders, packed.
  const std::string& packed(const Object& object) {
    Known& known = of(object);
    if (known.packed.empty()) {
      Writer out{known.packed};
      write_holders(out, machine_, known.holders);
    }
    return known.packed;
  }
  std::span<const Holder> holders(const Object& object) { return of(object).holders; }

 private:
  struct Known {
    std::vector<Holder> holders;
    std::string packed;
  };
  Known& of(const Object& object) {
    const auto [known, is_new] = known_.try_emplace(object.id);
    if (is_new) known->second.holders = visible_.holders(object);
    return known->second;
  }

  Machine& machine_;
  const Visibility& visible_;
  std::map<ObjectId, Known> known_;
};

/// Appends a wait to a graph for Graphviz: sessions are boxes, an arrow says "waits for".
void append_as_dot(std::string& dot, Machine& machine, const Waiter& waiter, const Object& object,
                   std::span<const Holder> holders) {
  const std::string from = "  \"" + session_text(machine, waiter.session) + "\" -> ";
  const std::string label = " [label=\"" + full_name(waiter.method) + "\"];\n";
  if (holders.empty()) dot += from + "\"" + dot_text(object.name) + "\"" + label;
  for (const Holder& holder : holders.first(std::min(holders.size(), kListedMax))) {
    dot += from + "\"" + session_text(machine, holder.session) + "\" [label=\"" +
           dot_text(object.name) + "\"];\n";
  }
  if (holders.size() <= kListedMax) return;
  dot += from + "\"" + std::to_string(holders.size() - kListedMax) + " more\" [label=\"" +
         dot_text(object.name) + "\"];\n";
}

/// Calls `visit(waiter, object)` for each wait of the calls whose number is above `after`, oldest
/// first, until it returns false behind the waits of one call.
template <typename Visit>
void each_wait_after(Machine& machine, std::uint64_t after, Visit&& visit) {
  const Waiter* waiter = machine.waiters().first();
  while (waiter != nullptr && waiter->serial <= after) waiter = Waiters::next(*waiter);
  bool goes_on = true;
  for (; waiter != nullptr && goes_on; waiter = Waiters::next(*waiter)) {
    if (waiter->places().empty()) goes_on = visit(*waiter, *waiter->object);
    for (const auto& place : waiter->places()) goes_on = visit(*waiter, *place->object);
  }
}

Outcome waits(Call& call) {
  Machine& machine = call.machine();
  const std::string_view format = call.text(0);
  if (format != "list" && format != "dot") {
    return fail(Errc::value_error, "format must be \"list\" or \"dot\"");
  }
  const std::int64_t after = call.maybe_integer(1).value_or(0);
  if (after < 0) return fail(Errc::value_error, "after must be 0 or more, got " + call.decimal(1));
  auto count = page_count(call, 2);
  if (!count) return count.failure();
  const Visibility visible{call};
  WaitedFor waited_for{machine, visible};
  if (format == "dot") {
    const std::size_t most = machine.limits().frame_bytes_max;
    std::string dot = "digraph waits {\n";
    std::size_t written = 0;
    each_wait_after(machine, static_cast<std::uint64_t>(after),
                    [&](const Waiter& waiter, const Object& object) {
                      if (!visible.sees_wait(waiter, object)) return true;
                      append_as_dot(dot, machine, waiter, object, waited_for.holders(object));
                      return ++written < *count && dot.size() <= most;
                    });
    call.reply().text(dot + "}\n");  // the machine checks its size
    return Progress::done;
  }
  Page page{call, *count};
  each_wait_after(machine, static_cast<std::uint64_t>(after),
                  [&](const Waiter& waiter, const Object& object) {
                    if (!visible.sees_wait(waiter, object)) return true;
                    Writer& out = page.out();
                    out.map(7);
                    out.text("number"), out.unsigned_integer(waiter.serial);
                    out.text("waiter");
                    write_session(out, machine, waiter.session, waiter.owner);
                    out.text("method"), out.text(full_name(waiter.method));
                    out.text("object"), out.text(object.name);
                    out.text("since"), out.real(machine.wall_seconds(waiter.since));
                    out.text("until");
                    waiter.until ? out.real(machine.wall_seconds(*waiter.until)) : out.null();
                    out.text("for"), out.packed(PackedView{waited_for.packed(object)});
                    return page.wrote_one();
                  });
  return page.reply();
}

Outcome end_session(Call& call) {
  const SessionId session = session_of(call.machine(), call.text(0));
  if (call.machine().sessions().find(session) == nullptr) {
    return fail(Errc::session_lost,
                "there is no session " + shown(call.text(0)) + "; server.sessions lists them");
  }
  call.machine().end_session(session);
  return Progress::done;
}

Outcome shutdown(Call& call) {
  call.machine().push(Effect::Kind::shutdown, {}, 0);
  return Progress::done;
}

constexpr Parameter kCount{"count", ParamKind::integer, default_int(1000),
                           "How many to list at most."};

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
     .parameters = {Parameter{"after", ParamKind::text, kNull,
                              "Lists the sessions behind the one with this id; null: from the "
                              "first."},
                    kCount},
     .result = "[{id, client, host, pid, transport, opened, holds, waits}]",
     .errors = {Errc::value_error, Errc::too_large},
     .cost = "O(count)",
     .doc = "Lists the sessions in the order of their ids: client, origin, and the objects that "
            "each holds and waits for. Of these each list has the first 100, and then {more: n}. "
            "A list shorter than count is the last one.",
     .if_reply_lost = retry::kRead,
     .handler = sessions},
    {.name = "locks",
     .parameters = {Parameter{"after", ParamKind::text, kNull,
                              "Lists the locks behind that name; null: from the first."},
                    kCount},
     .result = "[{name, type, holders: [{session, host, pid, owner, token, since}], waiters}]",
     .errors = {Errc::value_error, Errc::too_large},
     .cost = "O(objects)",
     .doc = "Lists the locks in the order of their names, with their holders, since when they "
            "hold them, and the number of waiters. A free lock has no holders. Of many holders "
            "the first 100 are listed, and then {more: n}. A list shorter than count is the last "
            "one.",
     .if_reply_lost = retry::kRead,
     .handler = locks},
    {.name = "waits",
     .parameters = {Parameter{"format", ParamKind::text, default_text("list"),
                              "list, or dot for a graph that Graphviz draws."},
                    Parameter{"after", ParamKind::integer, kNull,
                              "Lists the calls behind the one with this number; null: from the "
                              "first."},
                    kCount},
     .result = "[{number, waiter: {session, host, pid, owner}, method, object, since, until, for: "
               "[holders]}], or text",
     .errors = {Errc::value_error, Errc::too_large},
     .cost = "O(waiters + count)",
     .doc = "Lists the waiting calls in order of arrival: the waiter, the object, since when, "
            "until when, and the holders that it waits for, of which the first 100 are listed, and "
            "then {more: n}. A call that waits at several objects is listed once for each, always "
            "in the same list. A list shorter than count is the last one.",
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
