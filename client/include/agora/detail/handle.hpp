// SPDX-License-Identifier: MIT

// The interface between the proxies (templates) and the session (compiled): a call, its parameters
// as bytes, its reply, and the handle that keeps an object's name and its anonymous hold.
// namespace agora::detail: no part of the API.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <agora/detail/method.hpp>
#include <agora/detail/object_view.hpp>

#include "shared/base/expected.hpp"
#include "shared/value/codec.hpp"
#include "shared/value/hold_ref.hpp"

namespace agora::detail {

class Client;       // shared by all copies of a manager: client/src/client/client.hpp
class HandleState;  // shared by all copies of a proxy: client/src/client/handle_state.hpp

using Seconds = std::chrono::duration<double>;
/// How long a waiting call waits on the server; empty means without a limit. Its Codec writes the
/// timeout parameter of a call.
using Timeout = std::optional<Seconds>;

/// @throws value_error  always: a duration was NaN.
[[noreturn]] void throw_nan();

/// Converts any duration to seconds, for a delay or a lease. @throws value_error  it is NaN.
template <typename Rep, typename Period>
Seconds seconds_of(std::chrono::duration<Rep, Period> span) {
  const Seconds seconds(span);
  if (std::isnan(seconds.count())) throw_nan();
  return seconds;
}

/// Converts any duration to a timeout. A negative one does not wait; one of a century or more waits
/// without a limit. @throws value_error  it is NaN.
template <typename Rep, typename Period>
Timeout timeout_of(std::chrono::duration<Rep, Period> span) {
  const Seconds seconds = seconds_of(span);
  constexpr Seconds kCentury{100.0 * 365 * 24 * 3600};
  if (!(seconds < kCentury)) return std::nullopt;
  return seconds < Seconds::zero() ? Seconds::zero() : seconds;
}

/// Converts any point in time to the timeout that ends then; as timeout_of for the time left. The
/// ends of a clock's range are such points too.
template <typename Clock, typename Span>
Timeout timeout_until(std::chrono::time_point<Clock, Span> when) {
  const auto now = Clock::now();
  // The exact difference of far points overflows; a double has their range, but not the precision
  // of near ones.
  const Seconds rough = Seconds(when.time_since_epoch()) - Seconds(now.time_since_epoch());
  constexpr Seconds kNear{365.0 * 24 * 3600};
  return rough < kNear && rough > -kNear ? timeout_of(when - now) : timeout_of(rough);
}

/// A call's parameters as bytes.
struct Params {
  std::uint32_t count = 0;
  std::string bytes;

  template <typename T>
  void add(const T& value) {
    Writer writer(bytes);
    Codec<T>::encode(writer, value);
    ++count;
  }
};

template <Encodable... T>
Params params_of(const T&... values) {
  Params params;
  (params.add(values), ...);
  return params;
}

/// One call, encoded except for its number. The views must live until the call has returned.
struct Call {
  std::string_view method;
  CallEffect effect = CallEffect::changes;
  bool waits = false;            ///< the call ends by itself, after `timeout` or never
  bool redelivers = false;       ///< see Method::redelivers
  Timeout timeout = {};          ///< of a waiting call only
  std::uint32_t count = 0;       ///< the number of parameters
  std::string_view params = {};  ///< their values, one after another
  /// Set for a call that releases a resource. If its caller gives up, the session still sends it
  /// again until it has run once or the session is over.
  bool lasting = false;
  /// The call that releases the lock for which this call waits. If the caller gives up, the session
  /// sends this release directly behind the cancellation. If the lock was granted before the
  /// cancellation, the release frees it; otherwise the server refuses the release. So a later call
  /// of the same owner never finds the lock held by its own abandoned call.
  std::string_view undo_method = {};
  std::uint32_t undo_count = 0;
  std::string_view undo_params = {};

  Call& with(const Params& given) {
    count = given.count;
    params = given.bytes;
    return *this;
  }
};

/// Returns a call of that method without parameters.
inline Call call_of(const Method& method, const Timeout& timeout = {}) {
  return {.method = method.name,
          .effect = method.effect,
          .waits = method.waits,
          .redelivers = method.redelivers,
          .timeout = timeout};
}

/// A result or an error, with the session that received it: holds and grants belong to a session.
struct [[nodiscard]] Reply : Expected<Packed> {
  Reply(Expected<Packed> result, std::uint64_t its_session, HoldRef its_hold = {})
      : Expected<Packed>(std::move(result)), session(its_session), keep(std::move(its_hold)) {}
  Reply(Failure failure) : Expected<Packed>(std::move(failure)) {}  // NOLINT: implicit

  std::uint64_t session = 0;  ///< never 0 for a result
  HoldRef keep;               ///< holds the anonymous objects to which the result refers
};

class CallBatch;  // calls that a pipeline collects: client/src/client/batch.hpp

/// Identifies an asynchronous call that may be cancelled, in this process; 0: it may not.
using CallTicket = std::uint64_t;

/// Receives the reply of an asynchronous call.
class Completion {
 public:
  virtual ~Completion() = default;
  /// Called once, on the manager's callback thread. When the last copy of `arrived` is destroyed,
  /// the session acknowledges the reply to the server.
  virtual void complete(Reply reply, HoldRef arrived) = 0;
  /// Returns the batch that collects the call, or null if the call is sent at once.
  virtual CallBatch* batch() { return nullptr; }
  /// Destroys the completion and frees its memory.
  virtual void destroy() noexcept { delete this; }

  CallTicket ticket = 0;
};

struct DestroyCompletion {
  DestroyCompletion() = default;
  /// A completion made by std::make_unique destroys itself by delete.
  template <typename Made>
  DestroyCompletion(std::default_delete<Made>) noexcept {}
  void operator()(Completion* completion) const noexcept { completion->destroy(); }
};
using CompletionPtr = std::unique_ptr<Completion, DestroyCompletion>;

/// How far a cancellation goes.
enum class Cancellation : std::uint8_t {
  total,  ///< the call ends early only if it has no effect, and otherwise as usual
  /// The call ends early. An item, a lock or permits that it has acquired go back. Any other effect
  /// stands, and the error or the result says so.
  partial,
};

/// Cancels one asynchronous call. Copies are cheap; the manager may be gone. Any thread.
class CallCanceller {
 public:
  explicit CallCanceller(const std::shared_ptr<Client>& client);
  CallTicket ticket() const { return ticket_; }
  /// Does nothing once the call has completed. Never waits.
  void cancel(Cancellation kind) const noexcept;

 private:
  std::weak_ptr<Client> client_;
  CallTicket ticket_;
};

/// The name of an object, shared by all copies of a proxy. The destructor of the last copy releases
/// the hold of an anonymous object, if the session still exists. Any thread.
class ObjectHandle {
 public:
  /// @param held_in  the session that holds an anonymous object for this handle already; with 0
  ///                 the first call takes a hold
  /// @param keep     owns that hold; null if the handle itself owns it
  ObjectHandle(std::shared_ptr<Client> client, std::string name, std::uint64_t held_in,
               HoldRef keep = {});
  ObjectHandle(const ObjectHandle& other)
      : state_(other.state_), guard_(other.guard_), view_(other.view_.load()) {}
  ObjectHandle(ObjectHandle&& other) noexcept
      : state_(std::move(other.state_)),
        guard_(std::move(other.guard_)),
        view_(other.view_.load()) {}
  ObjectHandle& operator=(ObjectHandle other) noexcept {
    state_.swap(other.state_);
    guard_.swap(other.guard_);
    view_.store(other.view_.load());
    return *this;
  }
  ~ObjectHandle() = default;

  const std::string& name() const;
  Client& client() const;

  /// Returns the view through which the object may be accessed without a call, or null if only a
  /// call will do. In a session that shares memory the first use locates the object by a call.
  const ObjectView* view() const {
    const ObjectView* cached = view_.load(std::memory_order_acquire);
    if (cached != nullptr && cached->open()) [[likely]]
      return cached;
    return find_view();
  }
  /// Returns the last result of view() on this copy, open or not; null before the first.
  const ObjectView* cached_view() const { return view_.load(std::memory_order_acquire); }
  /// Returns the last result of view() on any copy of this handle, open or not; null before.
  const ObjectView* last_view() const;

  /// Returns a handle of the same object whose calls carry a guard. The server refuses them with
  /// stale_token unless that grant of the lock still stands.
  /// @throws value_error  this handle is guarded already: a call carries one guard.
  ObjectHandle guarded(const std::string& lock, std::uint64_t token) const;
  bool is_guarded() const { return guard_ != nullptr; }
  /// Returns the parameters of a call: the name, the arguments, and the guard if there is one.
  template <Encodable... A>
  Params params(const A&... arguments) const {
    Params all = params_of(name(), arguments...);
    add_guard(all);
    return all;
  }
  void add_guard(Params& params) const {
    if (guard_) params.bytes += *guard_, ++params.count;
  }

  /// Makes one call. If the present session does not hold an anonymous object yet (after a fork,
  /// after a lost session), first acquires the hold.
  Reply call(const Call& call) const;
  /// Starts the same call without waiting for the reply.
  void start(const Call& call, CompletionPtr completion) const;
  /// Makes a ticket for a call that is about to start. @return what cancels that call
  CallCanceller canceller() const;

 private:
  const ObjectView* find_view() const;

  std::shared_ptr<HandleState> state_;
  std::shared_ptr<const std::string> guard_;  // encoded; null without a guard
  // A cache of the state's view, which saves one indirection. Never set where calls are guarded.
  mutable std::atomic<const ObjectView*> view_{nullptr};
};

/// Throws `inner`, an error of decoding, as an error about the object of this call: "dict d: ...".
[[noreturn]] void throw_mismatch(std::string_view method, const std::string& name, Failure inner);

}  // namespace agora::detail
