// reservation<T>: an item of a queue that comes back unless its worker says that it is done.
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

/// A reservation without its item.
class Reserved {
 public:
  Reserved() = default;
  /// @param session  in which it was made; it ends with it
  Reserved(Handle queue, std::uint64_t session, std::uint64_t id, std::uint64_t deliveries)
      : queue_(std::move(queue)), session_(session), id_(id), deliveries_(deliveries) {}
  Reserved(Reserved&& other) noexcept;
  Reserved& operator=(Reserved&& other) noexcept;
  /// Gives the item back, without waiting.
  ~Reserved();

  bool open() const { return queue_.has_value(); }
  std::uint64_t deliveries() const { return deliveries_; }
  /// @throws runtime_error  it is settled.
  std::uint64_t id() const;
  const Handle& queue() const;
  void touch() const;
  void acknowledge();
  void requeue(Seconds delay);
  /// It was acknowledged in a transaction.
  void settle() { queue_.reset(); }

 private:
  void check_open() const;
  void call(std::string_view method, const Params& params) const;

  std::optional<Handle> queue_;
  std::uint64_t session_ = 0;
  std::uint64_t id_ = 0;
  std::uint64_t deliveries_ = 0;
};

/// The parts of the reply of queue.reserve. @throws type_error  it is of another shape.
struct ReservedParts {
  Reserved reserved;
  any item;
};
ReservedParts read_reserved(const Handle& queue, const Reply& reply);

}  // namespace detail

/// From queue::reserve. Its end returns the item to its place in the queue, unless it was
/// acknowledged; so does the end of the session, that is of this process. An item that came back
/// after 16 deliveries goes to queue::dead(). Move-only; one thread at a time.
template <typename T>
class reservation {
 public:
  /// None.
  reservation() = default;
  reservation(detail::Reserved reserved, T item)
      : reserved_(std::move(reserved)), item_(std::move(item)) {}

  /// False once it was acknowledged or given back.
  explicit operator bool() const { return reserved_.open(); }
  const T& item() const { return item_; }
  /// How often the item was handed out, this time included: above 1, somebody failed at it.
  std::uint64_t deliveries() const { return reserved_.deliveries(); }
  /// The item is done: it is gone, and counts as done for queue::join. Further calls throw
  /// runtime_error.
  /// @throws not_found     it went back already: its lease had run out.
  /// @throws session_lost  it went back with the session.
  void acknowledge() { reserved_.acknowledge(); }
  /// Returns it to its place, ready again after `delay`. @throws as acknowledge()
  template <typename Rep = std::int64_t, typename Period = std::ratio<1>>
  void requeue(std::chrono::duration<Rep, Period> delay = {}) {
    reserved_.requeue(detail::Seconds(delay));
  }
  /// Its lease begins anew. @throws as acknowledge()
  void touch() const { reserved_.touch(); }

 private:
  friend class transaction;
  detail::Reserved reserved_;
  T item_{};
};

}  // namespace agora
