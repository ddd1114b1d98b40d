// queue<T>: items pass from producers to consumers, each to one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <agora/any_io.hpp>
#include <agora/proxy.hpp>
#include <agora/reservation.hpp>

#include "shared/value/any.hpp"

namespace agora {

/// Which item of a queue comes next.
enum class queue_order : std::uint8_t {
  fifo,
  lifo,      ///< the last one in
  priority,  ///< the one with the lowest number, then the one that came first
};

/// Options of a queue; they count only if the factory's call makes the object.
struct queue_options {
  std::size_t maxsize = 0;  ///< ready and delayed items at most; 0: no bound
  queue_order order = queue_order::fifo;
};

/// Waiting is first come, first served over all processes. After close() putting throws
/// shut_down, and taking too once nothing is left. The server is told that an item
/// has arrived with this program's next call or heartbeat; if the program dies before that the
/// item is handed out again. Work that must survive its worker uses reserve().
template <typename T = any>
class queue : public proxy {
 public:
  using value_type = T;

  /// From a manager's factory; see manager::queue.
  explicit queue(detail::Handle handle) : proxy(std::move(handle)) {}

  /// Puts an item in; waits for room, for ever, if the queue is full.
  void push(const T& item) const { take<void>("queue.put", put(item, std::nullopt)); }
  /// The same without waiting; false if the queue is full.
  bool try_push(const T& item) const { return put_by(item, detail::Seconds::zero()); }
  template <typename Rep, typename Period>
  bool push_for(const T& item, std::chrono::duration<Rep, Period> span) const {
    return put_by(item, detail::timeout_of(span));
  }
  /// All of them in one step or none; waits for room. @throws value_error  more than maxsize.
  void push_many(const std::vector<T>& items) const {
    const detail::Timeout forever;
    take<void>("queue.put_many", wait("queue.put_many", detail::Effect::changes, forever, items));
  }

  /// As push, with a place in a queue with order=priority: lower numbers go first.
  void push(const T& item, double priority) const {
    take<void>("queue.put", put_at(item, priority, detail::Seconds::zero()));
  }
  /// As push; the item is ready only after `delay`. Its place is that of its arrival.
  template <typename Rep, typename Period>
  void push_delayed(const T& item, std::chrono::duration<Rep, Period> delay,
                    double priority = 0) const {
    take<void>("queue.put", put_at(item, priority, detail::Seconds(delay)));
  }

  /// Takes the next item; waits for one, for ever. One that is no T is gone: type_error.
  T pop() const { return take<T>("queue.get", get(std::nullopt)); }
  /// The same without waiting.
  std::optional<T> try_pop() const { return get_by(detail::Seconds::zero()); }
  template <typename Rep, typename Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> span) const {
    return get_by(detail::timeout_of(span));
  }
  /// Waits for the first item, and takes up to `most`, which is at least 1.
  std::vector<T> pop_many(std::size_t most) const {
    const detail::Timeout forever;
    return take<std::vector<T>>("queue.get_many",
                                wait("queue.get_many", detail::Effect::changes, forever, most));
  }
  /// The same, waiting for the first only so long; empty if none came.
  template <typename Rep, typename Period>
  std::vector<T> pop_many_for(std::size_t most, std::chrono::duration<Rep, Period> span) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    auto reply = wait("queue.get_many", detail::Effect::changes, timeout, most, timeout);
    if (!reply && reply.error().code == Errc::empty) return {};
    return take<std::vector<T>>("queue.get_many", std::move(reply));
  }

  /// Takes the next item for as long as the work on it lasts; waits for one, for ever. See
  /// reservation.hpp. One that is no T goes back: type_error.
  reservation<T> reserve() const { return reserved(reserve_by(std::nullopt, std::nullopt)); }
  /// The same without waiting.
  std::optional<reservation<T>> try_reserve() const {
    return reserved_unless_empty(reserve_by(detail::Seconds::zero(), std::nullopt));
  }
  template <typename Rep, typename Period>
  std::optional<reservation<T>> reserve_for(std::chrono::duration<Rep, Period> span) const {
    return reserved_unless_empty(reserve_by(detail::timeout_of(span), std::nullopt));
  }
  /// The same; the item goes back if the reservation is neither settled nor touched for `lease`.
  template <typename Rep, typename Period, typename Rep2, typename Period2>
  std::optional<reservation<T>> reserve_for(std::chrono::duration<Rep, Period> span,
                                            std::chrono::duration<Rep2, Period2> lease) const {
    return reserved_unless_empty(reserve_by(detail::timeout_of(span), detail::timeout_of(lease)));
  }
  /// Items that came back after their 16th delivery; they count as done for join().
  std::vector<T> dead() const { return read<std::vector<T>>("queue.dead_letters"); }
  /// Puts the first ones of those back at their places. @return how many.
  std::size_t redrive(std::size_t count = 1) const {
    return change<std::size_t>("queue.redrive", count);
  }

  /// The item that pop would take, left there; nothing if there is none.
  std::optional<T> peek() const {
    return unless_empty("queue.peek", make("queue.peek", detail::Effect::reads));
  }

  std::size_t size() const { return read_size(detail::ObjectKind::queue, "queue.size"); }
  bool empty() const { return read<bool>("queue.empty"); }
  bool full() const { return read<bool>("queue.full"); }

  /// Says that one item that was taken is done. @throws value_error  more often than were put in.
  void task_done() const { change<void>("queue.task_done"); }
  /// Waits until every item that was put in is done.
  void join() const { take<void>("queue.join", join_by(std::nullopt)); }
  /// The same, for so long; false if some were not done by then.
  template <typename Rep, typename Period>
  bool join_for(std::chrono::duration<Rep, Period> span) const;

  /// Drops all items. @return how many.
  std::size_t clear() const { return change<std::size_t>("queue.clear"); }
  void close() const { change<void>("queue.close"); }

  // The asynchronous forms: the last argument is a completion token, see async.hpp.

  template <typename Token>
  auto async_push(const T& item, Token&& token) const {
    return async_put<void>(item, std::nullopt, taker<void>("queue.put"), token);
  }
  /// False if the queue is full.
  template <typename Token>
  auto async_try_push(const T& item, Token&& token) const {
    return async_put<bool>(item, detail::Seconds::zero(), putter(), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_push_for(const T& item, std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_put<bool>(item, detail::timeout_of(span), putter(), token);
  }
  template <typename Token>
  auto async_push_many(const std::vector<T>& items, Token&& token) const {
    return async_wait<void>("queue.put_many", detail::Effect::changes, {},
                            taker<void>("queue.put_many"), token, items);
  }
  template <typename Token>
  auto async_pop(Token&& token) const {
    return async_get<T>({}, taker<T>("queue.get"), token);
  }
  template <typename Token>
  auto async_try_pop(Token&& token) const {
    return async_get<std::optional<T>>(detail::Seconds::zero(), getter("queue.get"), token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_pop_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_get<std::optional<T>>(detail::timeout_of(span), getter("queue.get"), token);
  }
  template <typename Token>
  auto async_pop_many(std::size_t most, Token&& token) const {
    return async_wait<std::vector<T>>("queue.get_many", detail::Effect::changes, {},
                                      taker<std::vector<T>>("queue.get_many"), token, most);
  }
  template <typename Token>
  auto async_push_at(const T& item, double priority, Token&& token) const {
    return async_wait<void>("queue.put", detail::Effect::changes, {}, taker<void>("queue.put"),
                            token, item, detail::Timeout(), priority);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_push_delayed(const T& item, std::chrono::duration<Rep, Period> delay,
                          Token&& token) const {
    return async_wait<void>("queue.put", detail::Effect::changes, {}, taker<void>("queue.put"),
                            token, item, detail::Timeout(), 0, detail::Seconds(delay).count());
  }
  template <typename Token>
  auto async_reserve(Token&& token) const {
    return async_reserve_by<reservation<T>>(
        {}, [q = *this](detail::Reply reply) { return q.reserved(std::move(reply)); }, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_reserve_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    return async_reserve_by<std::optional<reservation<T>>>(
        detail::timeout_of(span),
        [q = *this](detail::Reply reply) { return q.reserved_unless_empty(std::move(reply)); },
        token);
  }
  template <typename Token>
  auto async_dead(Token&& token) const {
    return async_read<std::vector<T>>("queue.dead_letters", token);
  }
  template <typename Token>
  auto async_redrive(std::size_t count, Token&& token) const {
    return async_change<std::size_t>("queue.redrive", token, count);
  }
  template <typename Token>
  auto async_peek(Token&& token) const {
    return async_make<std::optional<T>>("queue.peek", detail::Effect::reads, getter("queue.peek"),
                                        token);
  }
  template <typename Token>
  auto async_size(Token&& token) const {
    return async_read<std::size_t>("queue.size", token);
  }
  template <typename Token>
  auto async_empty(Token&& token) const {
    return async_read<bool>("queue.empty", token);
  }
  template <typename Token>
  auto async_full(Token&& token) const {
    return async_read<bool>("queue.full", token);
  }
  template <typename Token>
  auto async_task_done(Token&& token) const {
    return async_change<void>("queue.task_done", token);
  }
  template <typename Token>
  auto async_join(Token&& token) const {
    return async_wait<void>("queue.join", detail::Effect::reads, {}, taker<void>("queue.join"),
                            token, detail::Timeout());
  }
  template <typename Rep, typename Period, typename Token>
  auto async_join_for(std::chrono::duration<Rep, Period> span, Token&& token) const {
    const detail::Timeout timeout = detail::timeout_of(span);
    return async_wait<bool>(
        "queue.join", detail::Effect::reads, timeout,
        [q = *this](detail::Reply reply) { return q.unless(Errc::timeout, std::move(reply)); },
        token, timeout);
  }
  template <typename Token>
  auto async_clear(Token&& token) const {
    return async_change<std::size_t>("queue.clear", token);
  }
  template <typename Token>
  auto async_close(Token&& token) const {
    return async_change<void>("queue.close", token);
  }

 private:
  detail::Reply put(const T& item, const detail::Timeout& timeout) const {
    return wait("queue.put", detail::Effect::changes, timeout, item, timeout);
  }
  detail::Reply put_at(const T& item, double priority, detail::Seconds delay) const {
    const detail::Timeout forever;
    return wait("queue.put", detail::Effect::changes, forever, item, forever, priority,
                delay.count());
  }
  detail::Reply reserve_by(const detail::Timeout& timeout, const detail::Timeout& lease) const {
    return wait("queue.reserve", detail::Effect::changes, timeout, timeout, lease);
  }
  template <typename R, typename Decode, typename Token>
  auto async_reserve_by(const detail::Timeout& timeout, Decode decode, Token&& token) const {
    return async_wait<R>("queue.reserve", detail::Effect::changes, timeout, std::move(decode),
                         token, timeout);
  }
  reservation<T> reserved(detail::Reply reply) const {
    if (!reply) throw_error(std::move(reply.error()));
    detail::ReservedParts parts = detail::read_reserved(handle(), reply);
    auto item = parts.item.get<T>();
    if (!item) detail::throw_mismatch("queue.reserve", name(), item.failure());
    return {std::move(parts.reserved), std::move(*item)};
  }
  std::optional<reservation<T>> reserved_unless_empty(detail::Reply reply) const {
    if (!reply && reply.error().code == Errc::empty) return std::nullopt;
    return reserved(std::move(reply));
  }
  detail::Reply get(const detail::Timeout& timeout) const {
    return wait("queue.get", detail::Effect::changes, timeout, timeout);
  }
  detail::Reply join_by(const detail::Timeout& timeout) const {
    return wait("queue.join", detail::Effect::reads, timeout, timeout);
  }
  template <typename R, typename Decode, typename Token>
  auto async_put(const T& item, const detail::Timeout& timeout, Decode decode,
                 Token&& token) const {
    return async_wait<R>("queue.put", detail::Effect::changes, timeout, std::move(decode), token,
                         item, timeout);
  }
  template <typename R, typename Decode, typename Token>
  auto async_get(const detail::Timeout& timeout, Decode decode, Token&& token) const {
    return async_wait<R>("queue.get", detail::Effect::changes, timeout, std::move(decode), token,
                         timeout);
  }
  auto putter() const {
    return [q = *this](detail::Reply reply) { return q.unless(Errc::full, std::move(reply)); };
  }
  auto getter(std::string_view method) const {
    return [q = *this, method](detail::Reply reply) {
      return q.unless_empty(method, std::move(reply));
    };
  }
  // False for the error that is an everyday outcome.
  bool unless(Errc expected, detail::Reply reply) const {
    if (reply) return true;
    if (reply.error().code == expected) return false;
    throw_error(std::move(reply.error()));
  }
  bool put_by(const T& item, const detail::Timeout& timeout) const {
    return unless(Errc::full, put(item, timeout));
  }
  std::optional<T> get_by(const detail::Timeout& timeout) const {
    return unless_empty("queue.get", get(timeout));
  }
  std::optional<T> unless_empty(std::string_view method, detail::Reply reply) const {
    if (!reply && reply.error().code == Errc::empty) return std::nullopt;
    return take<T>(method, std::move(reply));
  }
};

template <typename T>
template <typename Rep, typename Period>
bool queue<T>::join_for(std::chrono::duration<Rep, Period> span) const {
  return unless(Errc::timeout, join_by(detail::timeout_of(span)));
}

}  // namespace agora
