// SPDX-License-Identifier: MIT

// The saved form of a queue: Queue::save and Queue::load.
//
// [order, maxsize, max deliveries, closed, unfinished, last arrival, last id, ready, delayed,
// reserved, got, dead, consumers]. From `ready` to `dead` each is a list of items. An item is
// [value, priority, its rest, rank, deliveries] and then: delayed: when; reserved: id, session,
// lease, until; got: session, number; dead: reason, rejected, since. A consumer is [session, owed,
// early]. Times are in nanoseconds.

#include "server/core/methods/scalar.hpp"
#include "server/objects/messaging/queue_state.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

constexpr std::uint32_t kItemFields = 5;

void write_item(Writer& out, const QueueItem& item, PackedView value, std::uint32_t more) {
  out.list(kItemFields + more);
  out.packed(value);
  out.real(item.near);
  out.integer(item.rest);
  out.unsigned_integer(item.rank);
  out.unsigned_integer(item.deliveries);
}

template <typename Time>
void write_time(Writer& out, const std::optional<Time>& time) {
  time ? out.integer(std::chrono::nanoseconds{*time}.count()) : out.null();
}

std::optional<Instant> instant(std::optional<Duration> since_epoch) {
  if (!since_epoch) return std::nullopt;
  return Instant{*since_epoch};
}

std::optional<Duration> since_epoch(std::optional<Instant> when) {
  if (!when) return std::nullopt;
  return when->time_since_epoch();
}

/// Reads the saved form, field by field.
class Saved {
 public:
  explicit Saved(PackedView saved) : reader_(saved) {}
  Token next() { return read(reader_); }
  PackedView value() { return reader_.value(); }
  std::uint64_t natural() { return next().natural; }
  std::uint32_t list() { return next().count; }
  std::optional<Duration> time() {
    const Token token = next();
    if (token.kind == Kind::null) return std::nullopt;
    return Duration{token.integer};
  }
  Expected<QueueItem> item(Machine& machine) {
    list();
    auto value = machine.store(reader_.value());
    if (!value) return value.failure();
    QueueItem item;
    item.value = *value;
    item.near = next().real;
    item.rest = static_cast<std::int16_t>(next().integer);
    item.rank = natural();
    item.deliveries = static_cast<std::uint16_t>(natural());
    return item;
  }

 private:
  Reader reader_;
};

}  // namespace

void Queue::save(Writer& out) const {
  out.list(13);
  out.unsigned_integer(static_cast<std::uint64_t>(options_.order));
  out.unsigned_integer(options_.maxsize);
  out.unsigned_integer(options_.max_deliveries);
  out.boolean(closed_);
  out.unsigned_integer(unfinished_);
  out.unsigned_integer(last_arrival_);
  out.unsigned_integer(last_id_);
  out.list(static_cast<std::uint32_t>(ready_.size()));
  ready_.each([&](const QueueItem& item) { write_item(out, item, view(item), 0); });
  out.list(static_cast<std::uint32_t>(delayed_.size()));
  for (const auto& [when, item] : delayed_) {
    write_item(out, item, view(item), 1);
    out.integer(when.time_since_epoch().count());
  }
  out.list(static_cast<std::uint32_t>(held_.reserved()));
  held_.each_reserved([&](const Reservation& reservation) {
    write_item(out, reservation.item, view(reservation.item), 4);
    out.unsigned_integer(reservation.id);
    out.unsigned_integer(reservation.session.number);
    write_time(out, reservation.lease);
    write_time(out, since_epoch(reservation.until));
  });
  out.list(static_cast<std::uint32_t>(held_.got()));
  held_.each_got([&](const GotItem& got) {
    write_item(out, got.item, view(got.item), 2);
    out.unsigned_integer(got.session.number);
    out.unsigned_integer(got.number);
  });
  out.list(static_cast<std::uint32_t>(dead_.size()));
  for (const DeadLetter& letter : dead_) {
    write_item(out, letter.item, view(letter.item), 3);
    letter.reason ? out.packed(machine_.values().view(letter.reason)) : out.null();
    out.boolean(letter.rejected);
    out.integer(letter.since.time_since_epoch().count());
  }
  out.list(static_cast<std::uint32_t>(held_.consumers().size()));
  for (const auto& [session, consumer] : held_.consumers()) {
    out.list(3);
    out.unsigned_integer(session.number);
    out.unsigned_integer(consumer.owed);
    out.unsigned_integer(consumer.early);
  }
}

/// Loads the saved form into a new queue.
class QueueLoader {
 public:
  QueueLoader(Machine& machine, Queue& queue, Saved& saved)
      : machine_(machine), queue_(queue), saved_(saved) {}

  Expected<void> run() {
    queue_.closed_ = saved_.next().boolean;
    queue_.unfinished_ = saved_.natural();
    queue_.last_arrival_ = saved_.natural();
    queue_.last_id_ = saved_.natural();
    for (const auto load : {&QueueLoader::ready, &QueueLoader::delayed, &QueueLoader::reserved,
                            &QueueLoader::got, &QueueLoader::dead}) {
      for (std::uint32_t left = saved_.list(); left > 0; --left) {
        auto item = saved_.item(machine_);
        if (!item) return item.failure();
        queue_.bytes_ += queue_.view(*item).size();
        if (auto done = (this->*load)(*item); !done) return done;
      }
    }
    for (std::uint32_t left = saved_.list(); left > 0; --left) consumer();
    // An item whose session no longer exists comes back, as if the session had ended now.
    for (const QueueItem& item : orphans_) queue_.return_to_ready(item);
    return {};
  }

 private:
  Expected<void> ready(const QueueItem& item) {
    queue_.ready_.add(item);
    return {};
  }
  Expected<void> delayed(const QueueItem& item) {
    queue_.delayed_.emplace(*instant(saved_.time()), item);
    return {};
  }
  Expected<void> reserved(const QueueItem& item) {
    Reservation reservation;
    reservation.item = item;
    reservation.id = saved_.natural();
    reservation.session = SessionId{saved_.natural()};
    reservation.lease = saved_.time();
    reservation.until = instant(saved_.time());
    if (held(reservation.session, item)) queue_.held_.reserve(reservation);
    return {};
  }
  Expected<void> got(const QueueItem& item) {
    const SessionId session{saved_.natural()};
    const std::uint64_t number = saved_.natural();
    if (held(session, item)) queue_.held_.got({session, number, item});
    return {};
  }
  Expected<void> dead(const QueueItem& item) {
    DeadLetter letter;
    letter.item = item;
    if (const PackedView reason = saved_.value(); !reason.is_null()) {
      auto stored = machine_.store(reason);
      if (!stored) return stored.failure();
      letter.reason = *stored;
    }
    letter.rejected = saved_.next().boolean;
    letter.since = *instant(saved_.time());
    queue_.bytes_ += queue_.bytes_of(letter) - queue_.view(item).size();
    queue_.dead_bytes_ += queue_.bytes_of(letter);
    queue_.dead_.push_back(letter);
    return {};
  }
  void consumer() {
    saved_.list();
    const SessionId session{saved_.natural()};
    Consumer consumer = queue_.held_.consumer(session);
    consumer.owed = saved_.natural();
    consumer.early = saved_.natural();
    if (machine_.sessions().find(session) != nullptr) {
      queue_.held_.set_consumer(session, consumer);
    } else {
      queue_.unfinished_ += consumer.early;
    }
  }
  bool held(SessionId session, const QueueItem& item) {
    queue_.held_bytes_ += queue_.view(item).size();
    if (machine_.sessions().find(session) == nullptr) {
      orphans_.push_back(item);
      return false;
    }
    machine_.sessions().granted(session, queue_.id_);
    return true;
  }

  Machine& machine_;
  Queue& queue_;
  Saved& saved_;
  std::vector<QueueItem> orphans_;
};

Expected<std::unique_ptr<State>> Queue::load(Creation& creation, PackedView packed) {
  Saved saved{packed};
  saved.list();
  QueueOptions options;
  options.order = static_cast<QueueOrder>(saved.natural());
  options.maxsize = static_cast<std::size_t>(saved.natural());
  options.max_deliveries = static_cast<std::uint16_t>(saved.natural());
  auto queue = std::make_unique<Queue>(creation.machine, creation.id, options);
  if (auto done = QueueLoader{creation.machine, *queue, saved}.run(); !done) {
    return done.failure();
  }
  return queue;
}

}  // namespace agora
