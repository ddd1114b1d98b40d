// SPDX-License-Identifier: MIT

#include "server/objects/messaging/queue_state.hpp"

#include <algorithm>

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

/// The reason of a dead letter that was not rejected but came back after its last delivery.
constexpr std::string_view kSpent = "max_deliveries";

template <typename Each>
Outcome write_list(Machine& machine, std::size_t count, Writer& out, Each&& each,
                   std::string_view instead) {
  if (auto ok = machine.check_work(count, 0, instead); !ok) return ok.failure();
  std::size_t bytes = 0;
  each([&](PackedView value) { bytes += value.size(); });
  if (auto ok = machine.check_work(count, bytes, instead); !ok) return ok.failure();
  out.list(static_cast<std::uint32_t>(count));
  each([&](PackedView value) { out.packed(value); });
  return Progress::done;
}

void refuse_all(Machine& machine, WaitQueue& waiting) {
  while (Waiter* waiter = waiting.front()) {
    machine.refuse_place(*waiter, Errc::shut_down, "queue " + waiter->object->name + " is closed");
  }
}

Queue& queue_of(Object& object) { return static_cast<Queue&>(*object.state); }

/// Returns the object that serves the front of the line of `object`, a queue with a ready item:
/// itself, or for a call that waits at several queues the first of them, in the order of the call,
/// that has a ready item and would serve this call next.
Object& source_for(const Waiter& getter, Object& object) {
  for (const auto& place : getter.places()) {
    if (place->object == &object) break;
    const Queue& queue = queue_of(*place->object);
    if (!queue.ready().empty() && queue.getters.front() == place.get()) return *place->object;
  }
  return object;
}

/// Returns the option max_deliveries.
Expected<std::uint16_t> max_deliveries(PackedView given) {
  const Token token = read(given);
  if (!token.negative && token.natural <= UINT16_MAX) {
    return static_cast<std::uint16_t>(token.natural);
  }
  return fail(Errc::value_error,
              "max_deliveries must be 0 (no limit) to " + std::to_string(UINT16_MAX) + ", got " +
                  (token.negative ? std::to_string(token.integer) : std::to_string(token.natural)));
}

}  // namespace

void write_reservation(Writer& out, std::string_view queue, const Reservation& reservation,
                       PackedView item) {
  out.map(queue.empty() ? 3 : 4);
  if (!queue.empty()) out.text("queue"), out.text(queue);
  out.text("id"), out.unsigned_integer(reservation.id);
  out.text("item"), out.packed(item);
  out.text("deliveries"), out.unsigned_integer(reservation.item.deliveries);
}

void write_item_of(Writer& out, std::string_view queue, PackedView item) {
  out.map(2);
  out.text("queue"), out.text(queue);
  out.text("item"), out.packed(item);
}

Expected<QueueOptions> queue_options(const Creation& creation) {
  QueueOptions options;
  if (creation.options[0].present()) {
    const Token token = read(creation.options[0]);
    // As in Python, a negative maxsize means no bound.
    options.maxsize = token.negative ? 0 : static_cast<std::size_t>(token.natural);
  }
  if (creation.options[1].present()) {
    const std::string_view text = read(creation.options[1]).body;
    if (text != "fifo" && text != "lifo" && text != "priority") {
      return fail(Errc::value_error,
                  "order must be \"fifo\", \"lifo\" or \"priority\", got \"" + shown(text) + "\"");
    }
    options.order = text == "lifo"   ? QueueOrder::lifo
                    : text == "fifo" ? QueueOrder::fifo
                                     : QueueOrder::priority;
  }
  if (creation.options[2].present()) {
    auto most = max_deliveries(creation.options[2]);
    if (!most) return most.failure();
    options.max_deliveries = *most;
  }
  return options;
}

// ---- reading -------------------------------------------------------------------------------

Outcome Queue::write_ready(Writer& out) const {
  const auto each = [&](auto&& visit) {
    ready_.each([&](const QueueItem& item) { visit(view(item)); });
  };
  return write_list(machine_, ready_.size(), out, each, "get_many");
}

Outcome Queue::write_dead(Writer& out, std::uint64_t count) const {
  constexpr std::size_t kFields = 4;
  constexpr std::string_view kInstead = "a smaller count";
  const std::size_t letters = std::min<std::uint64_t>(count, dead_.size());
  if (auto ok = machine_.check_work(letters * kFields, 0, kInstead); !ok) return ok.failure();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < letters; ++i) bytes += bytes_of(dead_[i]);
  if (auto ok = machine_.check_work(letters * kFields, bytes, kInstead); !ok) return ok.failure();
  out.list(static_cast<std::uint32_t>(letters));
  for (std::size_t i = 0; i < letters; ++i) {
    const DeadLetter& letter = dead_[i];
    out.map(kFields);
    out.text("item"), out.packed(view(letter.item));
    out.text("deliveries"), out.unsigned_integer(letter.item.deliveries);
    out.text("reason");
    if (letter.reason) {
      out.packed(machine_.values().view(letter.reason));
    } else {
      out.text(letter.rejected ? "" : kSpent);
    }
    out.text("since"), out.real(seconds_of(letter.since));
  }
  return Progress::done;
}

Outcome Queue::plain(Call&, Writer& out) const { return write_ready(out); }

void Queue::each_reference(const std::function<void(std::string_view)>& visit) const {
  const auto visit_item = [&](const QueueItem& item) {
    if (machine_.values().has_references(item.value)) agora::each_reference(view(item), visit);
  };
  ready_.each(visit_item);
  for (const Delayed& delayed : delayed_) visit_item(delayed.second);
  held_.each_reserved([&](const Reservation& reservation) { visit_item(reservation.item); });
  held_.each_got([&](const GotItem& got) { visit_item(got.item); });
  for (const DeadLetter& letter : dead_) visit_item(letter.item);
}

const Reservation* Queue::reservation(std::uint64_t id, SessionId session) const {
  const Reservation* found = held_.find(id);
  return found != nullptr && found->session == session ? found : nullptr;
}

// ---- moves ---------------------------------------------------------------------------------

void Queue::add_ready(const QueueItem& item) {
  ready_.add(item);
  machine_.undo([this, item] { ready_.take(item); });
}

void Queue::add_delayed(Object& object, const Delayed& delayed) {
  delayed_.insert(delayed);
  machine_.undo([this, delayed] { delayed_.erase(delayed); });
  set_alarm(object);
}

void Queue::put(Object& object, Handle value, Priority priority, Duration delay) {
  QueueItem item;
  item.value = value;
  ++last_arrival_;
  item.rank = options_.order == QueueOrder::lifo ? ~last_arrival_ : last_arrival_;
  if (options_.order == QueueOrder::priority) item.near = priority.near, item.rest = priority.rest;
  bytes_ += view(item).size();
  ++unfinished_;
  if (delay.count() > 0) return add_delayed(object, {machine_.now() + delay, item});
  add_ready(item);
}

QueueItem Queue::take_front() {
  QueueItem item = ready_.take_front();
  machine_.undo([this, item] { ready_.add(item); });
  held_bytes_ += view(item).size();
  if (item.deliveries < UINT16_MAX) ++item.deliveries;
  return item;
}

std::vector<QueueItem> Queue::take_many(std::uint64_t count) {
  const Limits& limits = machine_.limits();
  constexpr std::size_t kListHeader = 5;
  std::size_t left = std::min(limits.work_bytes_max, limits.frame_bytes_max) - kListHeader;
  std::vector<QueueItem> items;
  while (items.size() < count && !ready_.empty()) {
    const std::size_t bytes = view(ready_.front()).size();
    if (bytes > left && !items.empty()) break;
    left -= std::min(left, bytes);
    items.push_back(take_front());
  }
  return items;
}

void Queue::deliver(const Caller& caller, bool kept, const QueueItem& item) {
  if (!kept) return drop(item);
  const SessionId session = caller.session;
  const std::uint64_t number = caller.number;
  held_.got({session, number, item});
  machine_.sessions().granted(session, id_);
  machine_.undo([this, session, number] {
    held_.forget_last(session, number);
    untrack(session);
  });
}

Reservation Queue::reserve(Object& object, SessionId session, std::optional<Duration> lease) {
  Reservation made{++last_id_, session, take_front(), lease, std::nullopt};
  if (lease) made.until = machine_.now() + *lease;
  held_.reserve(made);
  machine_.sessions().granted(session, id_);
  machine_.undo([this, id = made.id, session] {
    held_.release(id);
    untrack(session);
  });
  if (lease) set_alarm(object);
  return made;
}

Reservation Queue::release(std::uint64_t id) {
  const Reservation reservation = held_.release(id);
  untrack(reservation.session);
  machine_.undo([this, reservation] {
    held_.reserve(reservation);
    machine_.sessions().granted(reservation.session, id_);
  });
  return reservation;
}

/// Stops tracking the session as a holder, if it holds nothing here any more.
void Queue::untrack(SessionId session) {
  if (!held_.has(session)) machine_.sessions().returned(session, id_);
}

void Queue::acknowledge(std::uint64_t id) {
  drop(release(id).item);
  one_done();
}

void Queue::task_done(SessionId session) {
  machine_.undo(
      [this, session, before = held_.consumer(session)] { held_.set_consumer(session, before); });
  held_.done(session);
  one_done();
}

void Queue::requeue(Object& object, std::uint64_t id, Duration delay, bool counts) {
  QueueItem item = release(id).item;
  if (!counts) --item.deliveries;
  if (delay.count() == 0 || spent(item)) return return_to_ready(item);
  held_bytes_ -= view(item).size();
  add_delayed(object, {machine_.now() + delay, item});
}

void Queue::reject(std::uint64_t id, Handle reason) {
  add_dead_letter({release(id).item, reason, true, machine_.now()});
}

void Queue::touch(Object& object, std::uint64_t id) {
  const Reservation& reservation = *held_.find(id);
  if (!reservation.lease) return;
  machine_.undo([this, id, before = *reservation.until] { held_.extend(id, before); });
  held_.extend(id, machine_.now() + *reservation.lease);
  set_alarm(object);
}

void Queue::return_to_ready(const QueueItem& item) {
  if (spent(item)) return add_dead_letter({item, {}, false, machine_.now()});
  held_bytes_ -= view(item).size();
  add_ready(item);
}

/// Adds an item that was held to the dead-letter list.
void Queue::add_dead_letter(const DeadLetter& letter) {
  const std::size_t bytes = view(letter.item).size();
  held_bytes_ -= bytes;
  bytes_ += bytes_of(letter) - bytes;
  dead_bytes_ += bytes_of(letter);
  dead_.push_back(letter);
  machine_.undo([this] { dead_.pop_back(); });
  one_done();
}

std::size_t Queue::bytes_of(const DeadLetter& letter) const {
  const std::size_t item = view(letter.item).size();
  return letter.reason ? item + machine_.values().view(letter.reason).size() : item;
}

std::size_t Queue::redrive(std::uint64_t count) {
  std::size_t redriven = 0;
  for (; redriven < count && !dead_.empty(); ++redriven) {
    const DeadLetter letter = dead_.front();
    dead_.pop_front();
    machine_.undo([this, letter] { dead_.push_front(letter); });
    QueueItem item = letter.item;
    item.deliveries = 0;
    dead_bytes_ -= bytes_of(letter);
    bytes_ -= bytes_of(letter) - view(item).size();
    if (letter.reason) machine_.drop(letter.reason);
    ++unfinished_;
    add_ready(item);
  }
  return redriven;
}

std::size_t Queue::purge_dead_letters() {
  const std::size_t count = dead_.size();
  if (count == 0) return 0;
  auto content = std::make_unique<Queue>(machine_, id_, options_);
  std::swap(content->dead_, dead_);
  // The machine keeps the content until the transaction ends.
  machine_.undo([this, purged = content.get()] { std::swap(purged->dead_, dead_); });
  bytes_ -= dead_bytes_;
  dead_bytes_ = 0;
  machine_.reclaim_later(std::move(content));
  return count;
}

std::size_t Queue::clear(Object& object) {
  const std::size_t count = ready_.size() + delayed_.size();
  auto content = std::make_unique<Queue>(machine_, id_, options_);
  std::swap(content->ready_, ready_);
  std::swap(content->delayed_, delayed_);
  // The machine keeps the content until the transaction ends.
  machine_.undo([this, cleared = content.get()] {
    std::swap(cleared->ready_, ready_);
    std::swap(cleared->delayed_, delayed_);
  });
  bytes_ = held_bytes_ + dead_bytes_;
  unfinished_ -= std::min<std::uint64_t>(unfinished_, count);
  machine_.reclaim_later(std::move(content));
  set_alarm(object);
  return count;
}

void Queue::drop(const QueueItem& item) {
  const std::size_t bytes = view(item).size();
  bytes_ -= bytes;
  held_bytes_ -= bytes;
  machine_.drop(item.value);
}

void Queue::set_alarm(Object& object) {
  std::optional<Instant> next = held_.next_lease();
  if (!delayed_.empty() && (!next || delayed_.begin()->first < *next)) {
    next = delayed_.begin()->first;
  }
  machine_.set_alarm(object, next);
}

std::function<void()> Queue::restorer(Machine&) {
  return [this, closed = closed_, unfinished = unfinished_, last_arrival = last_arrival_,
          last_id = last_id_, bytes = bytes_, held_bytes = held_bytes_, dead_bytes = dead_bytes_] {
    closed_ = closed;
    unfinished_ = unfinished;
    last_arrival_ = last_arrival;
    last_id_ = last_id;
    bytes_ = bytes;
    held_bytes_ = held_bytes;
    dead_bytes_ = dead_bytes;
  };
}

// ---- events --------------------------------------------------------------------------------

void Queue::session_ended(Machine& machine, Object& object, SessionId session) {
  unfinished_ += held_.consumer(session).early;
  const std::vector<QueueItem> items = held_.take_all(session);
  for (const QueueItem& item : items) return_to_ready(item);
  if (!items.empty()) machine.changed(object, {});
  set_alarm(object);
}

void Queue::alarm(Machine& machine, Object& object) {
  bool moved = false;
  for (; !delayed_.empty() && delayed_.begin()->first <= machine.now(); moved = true) {
    ready_.add(delayed_.extract(delayed_.begin()).value().second);
  }
  for (; auto reservation = held_.due(machine.now()); moved = true) {
    untrack(reservation->session);
    return_to_ready(reservation->item);
  }
  if (moved) machine.changed(object, {});
  set_alarm(object);
}

void Queue::acknowledged(Machine& machine, Object& object, SessionId session,
                         std::uint64_t number) {
  for (const QueueItem& item : held_.arrived(session, number)) drop(item);
  held_.forget_consumers([&](SessionId id) { return machine.sessions().find(id) == nullptr; });
  untrack(session);
  machine.serve_soon(object);  // the queue may be drained now
}

void Queue::declined(Machine& machine, Object& object, SessionId session, std::uint64_t number) {
  std::uint64_t early = 0;
  for (QueueItem& item : held_.declined(session, number, early)) {
    --item.deliveries;
    return_to_ready(item);
  }
  unfinished_ += early;  // reported as done, and not consumed after all
  untrack(session);
  machine.changed(object, {});
}

void Queue::serve(Machine& machine, Object& object) {
  if (closed_) refuse_all(machine, putters);
  for (bool moved = true; moved;) {
    moved = false;
    while (!ready_.empty()) {
      Waiter* const getter = machine.next_in(getters);
      if (getter == nullptr) break;
      Object& source = source_for(*getter, object);
      machine.changed(source, getter->method);
      queue_of(source).serve_getter(source, *getter);
      moved = true;
    }
    // Admit one put at a time: its items go to the waiting getters before the next put is admitted.
    Waiter* const putter = machine.next_in(putters);
    if (putter != nullptr && has_room(putter->items.size())) {
      serve_putter(object, *putter);
      moved = true;
    }
  }
  if (drained()) refuse_all(machine, getters);
  while (unfinished_ == 0) {
    Waiter* const joiner = machine.next_in(joiners);
    if (joiner == nullptr) break;
    machine.reply_null(*joiner);
  }
  set_alarm(object);
}

/// Admits a waiting put. Its key is [priority, delay in nanoseconds].
void Queue::serve_putter(Object& object, Waiter& putter) {
  Reader reader{putter.key};
  read(reader);
  const Priority priority = Priority::of(reader.value());
  const Duration delay{read(reader.value()).integer};
  for (const Handle value : putter.items) put(object, value, priority, delay);
  putter.items.clear();
  machine_.changed(object, putter.method);
  machine_.reply_null(putter);
}

/// Serves a waiting get or reserve. The key of a reserve is its lease in nanoseconds, or null.
void Queue::serve_getter(Object& object, Waiter& getter) {
  const Caller caller = getter;
  const std::string_view name = getter.places().empty() ? std::string_view{} : object.name;
  if (getter.count == kReserves) {
    std::optional<Duration> lease;
    if (!getter.key.view().is_null()) lease = Duration{read(getter.key).integer};
    const Reservation made = reserve(object, caller.session, lease);
    return machine_.reply(
        getter, [&](Writer& out) { write_reservation(out, name, made, view(made.item)); });
  }
  const bool kept = machine_.track_delivery(getter, object);
  if (getter.count == 0) {
    const QueueItem item = take_front();
    if (name.empty()) {
      machine_.reply_stored(getter, item.value);
    } else {
      machine_.reply(getter, [&](Writer& out) { write_item_of(out, name, view(item)); });
    }
    return deliver(caller, kept, item);
  }
  const std::vector<QueueItem> items = take_many(getter.count);
  machine_.reply(getter, [&](Writer& out) {
    out.list(static_cast<std::uint32_t>(items.size()));
    for (const QueueItem& item : items) out.packed(view(item));
  });
  for (const QueueItem& item : items) deliver(caller, kept, item);
}

// ---- destruction ---------------------------------------------------------------------------

/// Frees one item, whatever its state. Returns false if none is left.
bool Queue::release_one(Machine& machine) {
  if (!ready_.empty()) return machine.drop(ready_.take_any().value), true;
  if (!delayed_.empty()) {
    return machine.drop(delayed_.extract(delayed_.begin()).value().second.value), true;
  }
  if (!held_.empty()) return machine.drop(held_.take_any().value), true;
  if (dead_.empty()) return false;
  const DeadLetter letter = dead_.back();
  dead_.pop_back();
  machine.drop(letter.item.value);
  if (letter.reason) machine.drop(letter.reason);
  return true;
}

bool Queue::release_some(Machine& machine, std::size_t elements) {
  for (; elements > 0; --elements) {
    if (!release_one(machine)) return true;
  }
  return ready_.empty() && delayed_.empty() && held_.empty() && dead_.empty();
}

}  // namespace agora
