// SPDX-License-Identifier: MIT

// queue<T>: items pass from producers to consumers, each to one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <agora/any_io.hpp>
#include <agora/deprecated.hpp>
#include <agora/proxy.hpp>
#include <agora/reservation.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Which item of a queue comes next.
enum class queue_order : std::uint8_t {
  fifo,
  lifo,      ///< the item that arrived last
  priority,  ///< the item with the lowest number, FIFO among equal ones
};

/// Options of a queue; used only if the call of the factory creates the object.
struct queue_options {
  std::size_t maxsize = 0;  ///< ready and delayed items at most; 0: no bound
  queue_order order = queue_order::fifo;
  /// An item that comes back after so many deliveries becomes a dead letter; 0: never. At most
  /// 65,535.
  std::size_t max_deliveries = 16;
};

/// An item that was rejected, or that came back after its last delivery.
template <typename T>
struct dead_letter {
  T item{};
  std::uint64_t deliveries = 0;
  std::string reason;  ///< of the reject; "max_deliveries" if it came back after its last delivery
  std::chrono::system_clock::time_point since{};  ///< when it died
};

template <typename T>
struct Codec<dead_letter<T>> {
  static void encode(Writer& writer, const dead_letter<T>& value) {
    const std::chrono::duration<double> since = value.since.time_since_epoch();
    writer.map(4);
    writer.text("item"), Codec<T>::encode(writer, value.item);
    writer.text("deliveries"), writer.unsigned_integer(value.deliveries);
    writer.text("reason"), writer.text(value.reason);
    writer.text("since"), writer.real(since.count());
  }
  static Expected<dead_letter<T>> decode(PackedView value) {
    auto members = Codec<std::map<std::string, any>>::decode(value);
    if (!members) return members.failure();
    auto item = (*members)["item"].template get<T>();
    if (!item) return item.failure();
    const std::chrono::duration<double> since(
        (*members)["since"].template if_is<double>().value_or(0));
    return dead_letter<T>{
        std::move(*item), (*members)["deliveries"].template if_is<std::uint64_t>().value_or(0),
        (*members)["reason"].template if_is<std::string>().value_or(""),
        std::chrono::system_clock::time_point(
            std::chrono::duration_cast<std::chrono::system_clock::duration>(since))};
  }
  static std::string name() { return "dead letter"; }
};

template <typename T>
class queue_group;

/// Waiting is first come, first served over all processes. After close() every push throws
/// shut_down, and so does a pop once nothing is left. The client acknowledges the arrival of an
/// item with its next call or heartbeat. If the program dies before that, the server delivers the
/// item again. Work that must survive its worker uses reserve().
///
/// @code
/// auto jobs = m.queue<std::string>("jobs");
/// jobs.push("first");
/// while (auto job = jobs.pop_for(1s)) run(*job);
///
/// if (auto job = jobs.reserve_for(1s)) {  // comes back if this worker dies
///   run(job->item());
///   job->acknowledge();
/// }
/// @endcode
template <typename T = any>
class queue : public proxy {
 public:
  using value_type = T;

  /// Called by a manager's factory; see manager::queue.
  explicit queue(detail::ObjectHandle handle) : proxy(std::move(handle)) {}

  // ---- producers

  /// Puts an item in. Waits without a timeout for room if the queue is full.
  void push(const T& item) const { call<void>(kPut, item, kForever); }
  /// As push, for a queue with order=priority: lower numbers go first.
  void push(const T& item, double priority) const { call<void>(kPut, item, kForever, priority); }
  /// Puts an item in without waiting; returns false if the queue is full.
  bool try_push(const T& item) const { return push_by(item, detail::Seconds::zero()); }
  /// Returns false if the queue was full all that time.
  template <typename Rep, typename Period>
  bool push_for(const T& item, std::chrono::duration<Rep, Period> span) const {
    return push_by(item, detail::timeout_of(span));
  }
  /// As push; the item becomes ready only after `delay`. It keeps the position of its arrival.
  template <typename Rep, typename Period>
  void push_delayed(const T& item, std::chrono::duration<Rep, Period> delay,
                    double priority = 0) const {
    call<void>(kPut, item, kForever, priority, detail::seconds_of(delay).count());
  }
  /// Puts all items in, in one step, or none; waits for room.
  /// @throws value_error  more than maxsize.
  void push_many(const std::vector<T>& items) const {
    call<void>(detail::methods::queue_put_many, items);
  }
  void close() const { call<void>(detail::methods::queue_close); }

  // ---- consumers

  /// Takes the next item; waits for one without a timeout. An item that is no T throws type_error,
  /// and is lost.
  T pop() const { return call<T>(kGet, kForever); }
  /// Takes the next item without waiting; returns nullopt if none is ready.
  std::optional<T> try_pop() const { return pop_by(detail::Seconds::zero()); }
  /// Returns nullopt if no item was ready in that time.
  template <typename Rep, typename Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> span) const {
    return pop_by(detail::timeout_of(span));
  }
  /// Waits for the first item, and takes up to `most`, which is at least 1.
  std::vector<T> pop_many(std::size_t most) const {
    return call<std::vector<T>>(detail::methods::queue_get_many, most);
  }
  /// As pop_many, but waits for the first item only for that time. Returns an empty vector if none
  /// came.
  template <typename Rep, typename Period>
  std::vector<T> pop_many_for(std::size_t most, std::chrono::duration<Rep, Period> span) const;

  /// Reserves the next item until the reservation is acknowledged or requeued; waits for one
  /// without a timeout. See reservation.hpp. An item that is no T throws type_error, and returns to
  /// the queue.
  reservation<T> reserve() const;
  /// As reserve, without waiting; returns nullopt if no item is ready.
  std::optional<reservation<T>> try_reserve() const;
  /// Returns nullopt if no item was ready in that time.
  template <typename Rep, typename Period>
  std::optional<reservation<T>> reserve_for(std::chrono::duration<Rep, Period> span) const;
  /// As above; the item also returns to the queue if the reservation is neither settled nor touched
  /// for the time `lease`.
  template <typename Rep, typename Period, typename Rep2, typename Period2>
  std::optional<reservation<T>> reserve_for(std::chrono::duration<Rep, Period> span,
                                            std::chrono::duration<Rep2, Period2> lease) const;
  /// Returns the first `count` dead letters, the oldest first: items that were rejected, or that
  /// returned after queue_options::max_deliveries deliveries. They count as done for join().
  /// @throws too_large  the list is larger than one reply: ask for fewer.
  std::vector<dead_letter<T>> dead_letters(std::size_t count = 1000) const {
    return call<std::vector<dead_letter<T>>>(detail::methods::queue_dead_letters, count);
  }
  AGORA_DEPRECATED("use dead_letters") std::vector<T> dead() const {
    return items_of(dead_letters());
  }
  /// Drops all dead letters. Returns how many. Cost: O(1).
  std::size_t purge_dead_letters() const {
    return call<std::size_t>(detail::methods::queue_purge_dead_letters);
  }
  /// Puts the first dead letters back at their positions in the queue, also in a closed one; their
  /// deliveries are counted from 0 again. Returns how many.
  std::size_t redrive(std::size_t count = 1) const {
    return call<std::size_t>(detail::methods::queue_redrive, count);
  }

  /// Marks one item that was taken as done.
  /// @throws value_error  more items would be done than were put in.
  void task_done() const { call<void>(detail::methods::queue_task_done); }
  /// Waits without a timeout until every item that was put in is done.
  void join() const { call<void>(kJoin, kForever); }
  /// Returns false if some items were not done by then.
  template <typename Rep, typename Period>
  bool join_for(std::chrono::duration<Rep, Period> span) const;

  // ---- state

  /// Returns the item that pop would take, and leaves it there; nullopt if none is ready.
  std::optional<T> peek() const {
    return call_or_nullopt<T>(detail::methods::queue_peek, Errc::empty);
  }
  std::size_t size() const;
  bool empty() const { return call<bool>(detail::methods::queue_empty); }
  bool full() const { return call<bool>(detail::methods::queue_full); }
  /// Drops all items. Returns how many.
  std::size_t clear() const { return call<std::size_t>(detail::methods::queue_clear); }

  // ---- asynchronous forms: the last argument is a completion token, see async.hpp

  template <typename Token>
  auto async_push(const T& item, Token&& token) const {
    return async_call<void>(kPut, token, item, kForever);
  }
  template <typename Token>
  auto async_push(const T& item, double priority, Token&& token) const {
    return async_call<void>(kPut, token, item, kForever, priority);
  }
  template <typename Token>
  AGORA_DEPRECATED("use async_push")
  auto async_push_at(const T& item, double priority, Token&& token) const {
    return async_push(item, priority, token);
  }
  template <typename Token>
  auto async_try_push(const T& item, Token&& token) const {
    return async_push_by(item, detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_push_for(const T& item, std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_push_by(item, detail::timeout_of(span), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_push_delayed(const T& item, std::chrono::duration<Rep, Period> delay,
                          Token&& token) const {
    return async_push_delayed(item, delay, 0, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_push_delayed(const T& item, std::chrono::duration<Rep, Period> delay, double priority,
                          Token&& token) const {
    return async_call<void>(kPut, token, item, kForever, priority,
                            detail::seconds_of(delay).count());
  }
  template <typename Token>
  auto async_push_many(const std::vector<T>& items, Token&& token) const {
    return async_call<void>(detail::methods::queue_put_many, token, items);
  }
  template <typename Token>
  auto async_close(Token&& token) const {
    return async_call<void>(detail::methods::queue_close, token);
  }
  template <typename Token>
  auto async_pop(Token&& token) const {
    return async_call<T>(kGet, token, kForever);
  }
  template <typename Token>
  auto async_try_pop(Token&& token) const {
    return async_pop_by(detail::Seconds::zero(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_pop_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_pop_by(detail::timeout_of(span), token);
  }
  template <typename Token>
  auto async_pop_many(std::size_t most, Token&& token) const {
    return async_call<std::vector<T>>(detail::methods::queue_get_many, token, most);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_pop_many_for(std::size_t most, std::chrono::duration<Rep, Period> span,
                          Token&& token) const;
  template <typename Token>
  auto async_reserve(Token&& token) const;
  template <typename Token>
  auto async_try_reserve(Token&& token) const;
  template <typename Rep, typename Period, typename Token>
  auto async_reserve_for(std::chrono::duration<Rep, Period> span, Token&& token) const;
  template <typename Rep, typename Period, typename Rep2, typename Period2, typename Token>
  auto async_reserve_for(std::chrono::duration<Rep, Period> span,
                         std::chrono::duration<Rep2, Period2> lease, Token&& token) const;
  template <typename Token>
  auto async_dead_letters(std::size_t count, Token&& token) const {
    return async_call<std::vector<dead_letter<T>>>(detail::methods::queue_dead_letters, token,
                                                   count);
  }
  template <typename Token>
  AGORA_DEPRECATED("use async_dead_letters")
  auto async_dead(Token&& token) const {
    return async_make<std::vector<T>>(
        detail::methods::queue_dead_letters,
        [q = *this](detail::Reply reply) {
          constexpr std::string_view kMethod = detail::methods::queue_dead_letters.name;
          return items_of(q.template take<std::vector<dead_letter<T>>>(kMethod, std::move(reply)));
        },
        token);
  }
  template <typename Token>
  auto async_purge_dead_letters(Token&& token) const {
    return async_call<std::size_t>(detail::methods::queue_purge_dead_letters, token);
  }
  template <typename Token>
  auto async_redrive(std::size_t count, Token&& token) const {
    return async_call<std::size_t>(detail::methods::queue_redrive, token, count);
  }
  template <typename Token>
  auto async_task_done(Token&& token) const {
    return async_call<void>(detail::methods::queue_task_done, token);
  }
  template <typename Token>
  auto async_join(Token&& token) const {
    return async_call<void>(kJoin, token, kForever);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_join_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_call_succeeds({kJoin, timeout}, Errc::timeout, token, timeout);
  }
  template <typename Token>
  auto async_peek(Token&& token) const {
    return async_call_or_nullopt<T>(detail::methods::queue_peek, Errc::empty, token);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_call<std::size_t>(detail::methods::queue_size, token);
  }
  template <typename Token>
  auto async_empty(Token&& token) const {
    return async_call<bool>(detail::methods::queue_empty, token);
  }
  template <typename Token>
  auto async_full(Token&& token) const {
    return async_call<bool>(detail::methods::queue_full, token);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_call<std::size_t>(detail::methods::queue_clear, token);
  }

 private:
  friend class queue_group<T>;
  static constexpr const detail::Method& kPut = detail::methods::queue_put;
  static constexpr const detail::Method& kGet = detail::methods::queue_get;
  static constexpr const detail::Method& kJoin = detail::methods::queue_join;
  static constexpr const detail::Method& kReserve = detail::methods::queue_reserve;
  static constexpr detail::Timeout kForever{};

  bool push_by(const T& item, const detail::Timeout& timeout) const {
    return call_succeeds({kPut, timeout}, Errc::full, item, timeout);
  }
  template <typename Token>
  auto async_push_by(const T& item, const detail::Timeout& timeout, Token&& token) const {
    return async_call_succeeds({kPut, timeout}, Errc::full, token, item, timeout);
  }
  std::optional<T> pop_by(const detail::Timeout& timeout) const {
    return call_or_nullopt<T>({kGet, timeout}, Errc::empty, timeout);
  }
  template <typename Token>
  auto async_pop_by(const detail::Timeout& timeout, Token&& token) const {
    return async_call_or_nullopt<T>({kGet, timeout}, Errc::empty, token, timeout);
  }
  std::optional<reservation<T>> reserve_by(const detail::Timeout& timeout,
                                           const detail::Timeout& lease = {}) const;
  template <typename Token>
  auto async_reserve_by(const detail::Timeout& timeout, const detail::Timeout& lease,
                        Token&& token) const;
  reservation<T> reserved(detail::Reply reply) const;
  std::optional<reservation<T>> reserved_unless_empty(detail::Reply reply) const;
  std::vector<T> items_unless_empty(detail::Reply reply) const;
  static std::vector<T> items_of(std::vector<dead_letter<T>> letters) {
    std::vector<T> items;
    for (dead_letter<T>& letter : letters) items.push_back(std::move(letter.item));
    return items;
  }
};

// ---- implementation ------------------------------------------------------------------------

template <typename T>
std::size_t queue<T>::size() const {
  return read_size(detail::ObjectKind::queue, detail::methods::queue_size);
}

template <typename T>
std::vector<T> queue<T>::items_unless_empty(detail::Reply reply) const {
  if (!reply && reply.error().code == Errc::empty) return {};
  return take<std::vector<T>>(detail::methods::queue_get_many.name, std::move(reply));
}

template <typename T>
template <typename Rep, typename Period>
std::vector<T> queue<T>::pop_many_for(std::size_t most,
                                      std::chrono::duration<Rep, Period> span) const {
  const detail::Timeout timeout = detail::timeout_of(span);
  return items_unless_empty(make({detail::methods::queue_get_many, timeout}, most, timeout));
}

template <typename T>
template <typename Rep, typename Period, typename Token>
auto queue<T>::async_pop_many_for(std::size_t most, std::chrono::duration<Rep, Period> span,
                                  Token&& token) const {
  const detail::Timeout timeout = detail::timeout_of(span);
  return async_make<std::vector<T>>(
      {detail::methods::queue_get_many, timeout},
      [q = *this](detail::Reply reply) { return q.items_unless_empty(std::move(reply)); }, token,
      most, timeout);
}

template <typename T>
template <typename Rep, typename Period>
bool queue<T>::join_for(std::chrono::duration<Rep, Period> span) const {
  const detail::Timeout timeout = detail::timeout_of(span);
  return call_succeeds({kJoin, timeout}, Errc::timeout, timeout);
}

template <typename T>
reservation<T> queue<T>::reserved(detail::Reply reply) const {
  if (!reply) throw_error(std::move(reply.error()));
  detail::ReservedParts parts = detail::read_reserved(handle(), reply);
  auto item = parts.item.get<T>();
  if (!item) detail::throw_mismatch(kReserve.name, name(), item.failure());
  return {std::move(parts.reserved), std::move(*item)};
}

template <typename T>
std::optional<reservation<T>> queue<T>::reserved_unless_empty(detail::Reply reply) const {
  if (!reply && reply.error().code == Errc::empty) return std::nullopt;
  return reserved(std::move(reply));
}

template <typename T>
std::optional<reservation<T>> queue<T>::reserve_by(const detail::Timeout& timeout,
                                                   const detail::Timeout& lease) const {
  return reserved_unless_empty(make({kReserve, timeout}, timeout, lease));
}

template <typename T>
template <typename Token>
auto queue<T>::async_reserve_by(const detail::Timeout& timeout, const detail::Timeout& lease,
                                Token&& token) const {
  return async_make<std::optional<reservation<T>>>(
      {kReserve, timeout},
      [q = *this](detail::Reply reply) { return q.reserved_unless_empty(std::move(reply)); }, token,
      timeout, lease);
}

template <typename T>
reservation<T> queue<T>::reserve() const {
  return reserved(make(kReserve, kForever, kForever));
}

template <typename T>
std::optional<reservation<T>> queue<T>::try_reserve() const {
  return reserve_by(detail::Seconds::zero());
}

template <typename T>
template <typename Rep, typename Period>
std::optional<reservation<T>> queue<T>::reserve_for(std::chrono::duration<Rep, Period> span) const {
  return reserve_by(detail::timeout_of(span));
}

template <typename T>
template <typename Rep, typename Period, typename Rep2, typename Period2>
std::optional<reservation<T>> queue<T>::reserve_for(
    std::chrono::duration<Rep, Period> span, std::chrono::duration<Rep2, Period2> lease) const {
  return reserve_by(detail::timeout_of(span), detail::timeout_of(lease));
}

template <typename T>
template <typename Token>
auto queue<T>::async_reserve(Token&& token) const {
  return async_make<reservation<T>>(
      kReserve, [q = *this](detail::Reply reply) { return q.reserved(std::move(reply)); }, token,
      kForever, kForever);
}

template <typename T>
template <typename Token>
auto queue<T>::async_try_reserve(Token&& token) const {
  return async_reserve_by(detail::Seconds::zero(), {}, token);
}

template <typename T>
template <typename Rep, typename Period, typename Token>
auto queue<T>::async_reserve_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
  return async_reserve_by(detail::timeout_of(span), {}, token);
}

template <typename T>
template <typename Rep, typename Period, typename Rep2, typename Period2, typename Token>
auto queue<T>::async_reserve_for(std::chrono::duration<Rep, Period> span,
                                 std::chrono::duration<Rep2, Period2> lease, Token&& token) const {
  return async_reserve_by(detail::timeout_of(span), detail::timeout_of(lease), token);
}

}  // namespace agora
