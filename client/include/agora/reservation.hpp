// SPDX-License-Identifier: MIT

// reservation<T>: an item of a queue that returns to the queue unless its worker acknowledges it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <agora/async.hpp>
#include <agora/detail/handle.hpp>
#include <agora/detail/methods.hpp>
#include <agora/error.hpp>

#include "shared/value/any.hpp"

namespace agora {

namespace detail {

/// A reservation without its item. Acknowledging or requeuing the item settles it.
class Reserved {
 public:
  Reserved() = default;
  /// @param session  the session that made it; the reservation ends with that session
  Reserved(ObjectHandle queue, std::uint64_t session, std::uint64_t id, std::uint64_t deliveries)
      : queue_(std::move(queue)), session_(session), id_(id), deliveries_(deliveries) {}
  Reserved(Reserved&& other) noexcept;
  Reserved& operator=(Reserved&& other) noexcept;
  /// Requeues the item without waiting.
  ~Reserved();

  bool open() const { return queue_.has_value(); }
  std::uint64_t deliveries() const { return deliveries_; }
  /// @throws runtime_error  the reservation is settled already.
  std::uint64_t id() const;
  const ObjectHandle& queue() const;
  void touch() const;
  void acknowledge();
  void requeue(Seconds delay, bool counts);
  void reject(const std::string& reason);
  /// Notes that a transaction has acknowledged the item.
  void settle() { queue_.reset(); }

 private:
  void check_open() const;
  void call(const Method& method, const Params& params) const;

  std::optional<ObjectHandle> queue_;
  std::uint64_t session_ = 0;
  std::uint64_t id_ = 0;
  std::uint64_t deliveries_ = 0;
};

/// The parts of the reply of queue.reserve.
struct ReservedParts {
  Reserved reserved;
  any item;
};
/// @throws type_error  the reply has another shape.
ReservedParts read_reserved(const ObjectHandle& queue, const Reply& reply);

}  // namespace detail

/// Made by queue::reserve. Its destructor returns the item to its position in the queue, unless it
/// was acknowledged; so does the end of the session, for example when this process dies. An item
/// that returns after queue_options::max_deliveries deliveries becomes a dead letter, see
/// queue::dead_letters(). Delivery is thus at least once. Move-only; one thread at a time.
///
/// @code
/// agora::reservation<std::string> job = jobs.reserve();
/// run(job.item());
/// job.acknowledge();
/// @endcode
template <typename T>
class reservation {
 public:
  /// Makes an empty reservation.
  reservation() = default;
  reservation(detail::Reserved reserved, T item)
      : reserved_(std::move(reserved)), item_(std::move(item)) {}

  /// False if it is empty, acknowledged or requeued.
  explicit operator bool() const { return reserved_.open(); }
  const T& item() const { return item_; }
  /// Returns how often the item was delivered, this time included. More than 1 means that an
  /// earlier worker did not acknowledge it.
  std::uint64_t deliveries() const { return reserved_.deliveries(); }
  /// Removes the item; it counts as done for queue::join. Further calls throw runtime_error.
  /// @throws not_found     the item has returned to the queue: its lease had expired.
  /// @throws session_lost  the item went back with the session.
  void acknowledge() { reserved_.acknowledge(); }
  /// Returns the item to its position, ready again after `delay`. @throws as acknowledge()
  /// @param counts  false: this delivery does not count towards max_deliveries, because the worker
  ///                did not even try
  template <typename Rep = std::int64_t, typename Period = std::ratio<1>>
  void requeue(std::chrono::duration<Rep, Period> delay = {}, bool counts = true) {
    reserved_.requeue(detail::seconds_of(delay), counts);
  }
  /// Makes the item a dead letter at once, whatever its deliveries; see queue::dead_letters().
  /// @throws as acknowledge()
  /// @throws value_error  the reason is longer than 1,024 bytes.
  void reject(const std::string& reason = {}) { reserved_.reject(reason); }
  /// Renews the lease. @throws as acknowledge()
  void touch() const { reserved_.touch(); }

  // Asynchronous forms: the last argument is a completion token, see async.hpp. All but async_touch
  // leave the reservation empty at once. If the call fails, the item is requeued as by the
  // destructor. They throw runtime_error at once if the reservation is settled already.

  template <typename Token>
  auto async_acknowledge(Token&& token) {
    return async_settle(detail::methods::queue_acknowledge, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_requeue(std::chrono::duration<Rep, Period> delay, Token&& token) {
    return async_requeue(delay, true, token);
  }
  template <typename Rep, typename Period, typename Token>
  auto async_requeue(std::chrono::duration<Rep, Period> delay, bool counts, Token&& token) {
    return async_settle(detail::methods::queue_requeue, token, detail::seconds_of(delay).count(),
                        counts);
  }
  template <typename Token>
  auto async_reject(const std::string& reason, Token&& token) {
    return async_settle(detail::methods::queue_reject, token, reason);
  }
  template <typename Token>
  auto async_touch(Token&& token) const {
    constexpr const detail::Method& kTouch = detail::methods::queue_touch;
    const detail::ObjectHandle& queue = reserved_.queue();
    return detail::async_call<void>(
        queue,
        {detail::call_of(kTouch), std::string(kTouch.name),
         detail::params_of(queue.name(), reserved_.id())},
        [](detail::Reply reply) {
          if (!reply) throw_error(std::move(reply.error()));
        },
        token);
  }

 private:
  friend class transaction;

  template <typename Token, typename... A>
  auto async_settle(const detail::Method& method, Token&& token, const A&... arguments) {
    const detail::ObjectHandle queue = reserved_.queue();
    detail::Params params = detail::params_of(queue.name(), reserved_.id(), arguments...);
    return detail::async_call<void>(
        queue, {detail::call_of(method), std::string(method.name), std::move(params)},
        [kept = std::make_shared<detail::Reserved>(std::move(reserved_))](detail::Reply reply) {
          if (!reply) throw_error(std::move(reply.error()));
          kept->settle();
        },
        token);
  }

  detail::Reserved reserved_;
  T item_{};
};

}  // namespace agora
