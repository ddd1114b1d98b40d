// SPDX-License-Identifier: MIT

// pipe: two ends, 0 and 1; values sent at one are received at the other, in order.
// multiprocessing.Pipe.
//
// An end belongs to the sessions that have used it (sent, received or polled there). It closes for
// good when the last of them ends, or by close. The other side then receives the values sent
// before, and after them EndOfStream. Each direction holds 1,024 values; then send waits
// (back-pressure). The receivers and pollers of an end are served in FIFO order, and so are its
// senders.

#include <array>
#include <deque>
#include <set>

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

/// Values that a direction holds: enough to keep both sides busy, and a bound on unread values.
constexpr std::size_t kCapacity = 1'024;

/// Waiter::count at an end: the operation that waits.
constexpr std::uint64_t kReceives = 0;
constexpr std::uint64_t kPolls = 1;

struct End {
  bool closed = false;
  std::deque<Handle> inbox;   ///< values that the other end has sent
  std::set<SessionId> users;  ///< the sessions that it belongs to
  WaitQueue readers;          ///< receivers and pollers
  WaitQueue senders;
};

class Pipe : public State {
 public:
  Pipe(Machine& machine, bool is_duplex) : duplex(is_duplex), machine_(machine) {}
  void save(Writer& out) const override;
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return ends[0].inbox.size() + ends[1].inbox.size(); }
  std::size_t bytes() const override { return inbox_bytes; }
  bool release_some(Machine& machine, std::size_t elements) override;
  void serve(Machine& machine, Object& object) override;
  void session_ended(Machine& machine, Object& object, SessionId session) override;
  void each_reference(const std::function<void(std::string_view)>& visit) const override;

  std::size_t bytes_of(Handle value) const { return machine_.values().view(value).size(); }
  void push(End& to, Handle value) {
    to.inbox.push_back(value);
    inbox_bytes += bytes_of(value);
    machine_.undo([this, &to, value] {
      to.inbox.pop_back();
      inbox_bytes -= bytes_of(value);
    });
  }
  /// Removes and returns the front value, which the caller must drop.
  Handle pop(End& at) {
    const Handle value = at.inbox.front();
    at.inbox.pop_front();
    inbox_bytes -= bytes_of(value);
    machine_.undo([this, &at, value] {
      at.inbox.push_front(value);
      inbox_bytes += bytes_of(value);
    });
    return value;
  }
  /// Closes an end and drops its unread values, which no session can receive any more.
  void close(End& end) {
    end.closed = true;
    machine_.undo([&end] { end.closed = false; });
    while (!end.inbox.empty()) machine_.drop(pop(end));
  }
  End& other(const End& end) { return &end == &ends[0] ? ends[1] : ends[0]; }

  bool duplex;
  std::array<End, 2> ends;
  std::size_t inbox_bytes = 0;

 private:
  void serve_readers(Machine& machine, Object& object, End& end);
  void serve_senders(Machine& machine, Object& object, End& end);

  Machine& machine_;
};

void Pipe::save(Writer& out) const {
  out.list(5);
  out.boolean(duplex);
  for (const End& end : ends) {
    out.boolean(end.closed);
    out.list(static_cast<std::uint32_t>(end.inbox.size()));
    for (const Handle value : end.inbox) out.packed(machine_.values().view(value));
  }
}

Outcome Pipe::plain(Call& call, Writer& out) const {
  if (auto ok = call.machine().check_work(size(), inbox_bytes, "receive"); !ok) {
    return ok.failure();
  }
  out.list(2);
  for (const End& end : ends) {
    out.list(static_cast<std::uint32_t>(end.inbox.size()));
    for (const Handle value : end.inbox) out.packed(machine_.values().view(value));
  }
  return Progress::done;
}

bool Pipe::release_some(Machine& machine, std::size_t elements) {
  for (End& end : ends) {
    for (; elements > 0 && !end.inbox.empty(); --elements) {
      machine.drop(end.inbox.front());
      end.inbox.pop_front();
    }
  }
  return size() == 0;
}

void Pipe::each_reference(const std::function<void(std::string_view)>& visit) const {
  for (const End& end : ends) {
    for (const Handle value : end.inbox) {
      agora::each_reference(machine_.values().view(value), visit);
    }
  }
}

// ---- service -------------------------------------------------------------------------------

std::string closed_text(const Object& object, const char* which) {
  return std::string{which} + " end of pipe " + object.name + " is closed";
}

void refuse_all(Machine& machine, const Object& object, WaitQueue& waiting, const char* which) {
  while (Waiter* waiter = waiting.front()) {
    machine.refuse(*waiter, Errc::end_of_stream, closed_text(object, which));
  }
}

/// Serves the readers of that end while there are values.
void Pipe::serve_readers(Machine& machine, Object& object, End& end) {
  while (!end.inbox.empty()) {
    Waiter* const reader = machine.next_in(end.readers);
    if (reader == nullptr) break;
    if (reader->count == kPolls) {
      machine.reply(*reader, [](Writer& out) { out.boolean(true); });
      continue;
    }
    machine.changed(object, reader->method);
    const Handle value = pop(end);
    machine.reply_stored(*reader, value);
    machine.drop(value);
  }
  if (!other(end).closed) return;
  while (Waiter* reader = machine.next_in(end.readers)) {
    if (reader->count == kPolls) {
      machine.reply(*reader, [](Writer& out) { out.boolean(true); });
    } else {
      machine.refuse(*reader, Errc::end_of_stream, closed_text(object, "the other"));
    }
  }
}

/// Serves the senders of that end while there is room.
void Pipe::serve_senders(Machine& machine, Object& object, End& end) {
  End& to = other(end);
  while (to.inbox.size() < kCapacity) {
    Waiter* const sender = machine.next_in(end.senders);
    if (sender == nullptr) return;
    push(to, sender->items.front());
    sender->items.clear();
    machine.changed(object, sender->method);
    machine.reply_null(*sender);
  }
}

void Pipe::serve(Machine& machine, Object& object) {
  for (End& end : ends) {
    if (!end.closed) continue;
    refuse_all(machine, object, end.readers, "this");
    refuse_all(machine, object, end.senders, "this");
    refuse_all(machine, object, other(end).senders, "the other");
  }
  // Each receive makes room, and each send makes a value to receive.
  std::uint64_t before = 0;
  do {
    before = object.version;
    for (End& end : ends) {
      serve_readers(machine, object, end);
      serve_senders(machine, object, end);
    }
  } while (object.version != before);
}

void Pipe::session_ended(Machine& machine, Object& object, SessionId session) {
  for (End& end : ends) {
    if (end.users.erase(session) == 0 || !end.users.empty() || end.closed) continue;
    close(end);
    machine.changed(object, {});
  }
}

// ---- methods -------------------------------------------------------------------------------

enum class Operation : std::uint8_t { sends, receives, closes };

/// Returns the end that the call names.
/// @error value_error  there is no such end, or it does not support the operation.
Expected<End*> end_of(Call& call, Pipe& pipe, Operation operation) {
  const std::int64_t number = call.integer(0);
  if (number != 0 && number != 1) {
    return call.fail_here(Errc::value_error, "end must be 0 or 1, got " + std::to_string(number));
  }
  const bool one_way = !pipe.duplex && operation != Operation::closes;
  if (one_way && number != (operation == Operation::sends ? 1 : 0)) {
    return call.fail_here(Errc::value_error,
                          call.what() + " goes one way: end 0 receives and end 1 sends");
  }
  return &pipe.ends[static_cast<std::size_t>(number)];
}

/// Adds the session to the users of the end.
void use(Call& call, End& end) {
  if (!end.users.insert(call.session()).second) return;
  call.machine().sessions().granted(call.session(), call.object().id);
  call.machine().undo([&end, session = call.session(), &machine = call.machine(),
                       &pipe = static_cast<Pipe&>(*call.object().state), id = call.object().id] {
    end.users.erase(session);
    const bool elsewhere =
        pipe.ends[0].users.contains(session) || pipe.ends[1].users.contains(session);
    if (!elsewhere) machine.sessions().returned(session, id);
  });
}

Failure is_closed(Call& call, const char* which) {
  return call.fail_here(Errc::end_of_stream, closed_text(call.object(), which));
}

Outcome send(Call& call, Pipe& pipe) {
  auto found = end_of(call, pipe, Operation::sends);
  if (!found) return found.failure();
  End& end = **found;
  End& to = pipe.other(end);
  if (end.closed) return is_closed(call, "this");
  if (to.closed) return is_closed(call, "the other");
  auto stored = call.machine().store(call.arg(1));
  if (!stored) return stored.failure();
  use(call, end);
  if (end.senders.empty() && to.inbox.size() < kCapacity) {
    pipe.push(to, *stored);
    call.changed();
    return Progress::done;
  }
  bool waits = false;
  Outcome outcome = call.wait(end.senders, 2, [&](Waiter& waiter) {
    waiter.items = {*stored};
    waits = true;
  });
  if (!waits) call.machine().drop(*stored);
  return outcome;
}

Outcome receive(Call& call, Pipe& pipe) {
  auto found = end_of(call, pipe, Operation::receives);
  if (!found) return found.failure();
  End& end = **found;
  if (end.closed) return is_closed(call, "this");
  if (end.inbox.empty() && pipe.other(end).closed) return is_closed(call, "the other");
  use(call, end);
  if (end.inbox.empty() || !end.readers.empty()) {
    return call.wait(end.readers, 1, [](Waiter& waiter) { waiter.count = kReceives; });
  }
  const Handle value = pipe.pop(end);
  call.reply_stored(value);
  call.machine().drop(value);
  call.changed();
  return Progress::done;
}

Outcome poll(Call& call, Pipe& pipe) {
  auto found = end_of(call, pipe, Operation::receives);
  if (!found) return found.failure();
  End& end = **found;
  if (end.closed) return is_closed(call, "this");
  use(call, end);
  // Within a transaction other calls may still wait for the value that it has sent: they go first.
  const bool arrived = !end.inbox.empty() && end.readers.empty();
  if (!arrived && !pipe.other(end).closed) {
    if (!call.given(1)) return call.no_wait();
    return call.wait(end.readers, 1, [](Waiter& waiter) { waiter.count = kPolls; });
  }
  call.reply().boolean(true);
  return Progress::done;
}

Outcome close(Call& call, Pipe& pipe) {
  auto found = end_of(call, pipe, Operation::closes);
  if (!found) return found.failure();
  End& end = **found;
  if (end.closed) return Progress::done;
  pipe.close(end);
  call.changed();
  return Progress::done;
}

bool boolean_of(PackedView value, bool fallback) {
  return value.present() ? read(value).boolean : fallback;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  const PackedView duplex = creation.arguments.empty() ? PackedView{} : creation.arguments[0];
  return std::make_unique<Pipe>(creation.machine, boolean_of(duplex, true));
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  Reader reader{saved};
  read(reader);
  auto pipe = std::make_unique<Pipe>(creation.machine, read(reader).boolean);
  for (End& end : pipe->ends) {
    end.closed = read(reader).boolean;
    for (std::uint32_t left = read(reader).count; left > 0; --left) {
      auto value = creation.machine.store(reader.value());
      if (!value) return value.failure();
      pipe->push(end, *value);
    }
  }
  return pipe;
}

constexpr Parameter kEnd{"end", ParamKind::integer, kRequired, "0 or 1."};

constexpr Method kMethods[] = {
    {.name = "send",
     .parameters = {kEnd, Parameter{"value", ParamKind::any, kRequired, "Any value."}, kTimeout},
     .result = "null",
     .errors = {Errc::end_of_stream, Errc::timeout, Errc::value_error, Errc::not_found,
                Errc::out_of_memory},
     .access = Access::write,
     .timed_out = TimedOut::timeout,
     .grows = true,
     .cost = "O(size of the value)",
     .doc = "Sends a value to the other end; waits while 1,024 values are unread there. Fails "
            "with EndOfStream once an end is closed.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&send>},
    {.name = "receive",
     .parameters = {kEnd, kTimeout},
     .result = "any: the oldest unread value",
     .errors = {Errc::end_of_stream, Errc::timeout, Errc::value_error},
     .access = Access::write,
     .timed_out = TimedOut::timeout,
     .delivers = true,
     .cost = "O(1)",
     .doc = "Takes the next value that the other end has sent; waits for one. Fails with "
            "EndOfStream once the other end is closed and everything is received, or this end "
            "is closed.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&receive>},
    {.name = "poll",
     .parameters = {kEnd,
                    Parameter{
                        "timeout", ParamKind::seconds, default_int(0),
                        "Maximum seconds to wait; null waits without limit, 0 does not wait."}},
     .result = "bool: receive would not wait",
     .errors = {Errc::end_of_stream, Errc::value_error},
     .access = Access::write,
     .role = Role::read,
     .timed_out = TimedOut::no,
     .cost = "O(1)",
     .doc = "Returns whether receive would not wait: there is a value, or the other end is "
            "closed and receive fails with EndOfStream at once.",
     .if_reply_lost = retry::kRead,
     .handler = on<&poll>},
    {.name = "close",
     .parameters = {kEnd},
     .result = "null",
     .errors = {Errc::value_error},
     .access = Access::write,
     .cost = "O(unread values there + waiters)",
     .doc = "Closes that end for good. The other end receives the values sent before, then "
            "EndOfStream. Values unread at this end are dropped.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&close>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"duplex", ParamKind::boolean, default_bool(true),
     "true: both ends send and receive; false: end 0 receives and end 1 sends."},
};

}  // namespace

const ObjectType& pipe_type() {
  static constexpr ObjectType kType{
      .name = "pipe",
      .doc = "Has two ends: values sent at one are received at the other.",
      .arguments = kArguments,
      .methods = kMethods,
      .create = create,
      .load = load};
  return kType;
}

}  // namespace agora
