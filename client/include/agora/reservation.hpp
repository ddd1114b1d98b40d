// SPDX-License-Identifier: MIT

// reservation<T>: an item of a queue that returns to the queue unless its worker acknowledges it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <agora/async.hpp>
#include <agora/detail/handle.hpp>
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
  void requeue(Seconds delay);
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
/// that returns after its 16th delivery becomes a dead letter, see queue::dead_letters(). Delivery
/// is thus at least once. Move-only; one thread at a time.
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
  template <typename Rep = std::int64_t, typename Period = std::ratio<1>>
  void requeue(std::chrono::duration<Rep, Period> delay = {}) {
    reserved_.requeue(detail::seconds_of(delay));
  }
  /// Renews the lease. @throws as acknowledge()
  void touch() const { reserved_.touch(); }

 private:
  friend class transaction;
  detail::Reserved reserved_;
  T item_{};
};

}  // namespace agora
