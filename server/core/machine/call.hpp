// SPDX-License-Identifier: MIT

// Call: one call as its handler sees it: its arguments, its caller, its reply, and how it waits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/core/machine/machine.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {

class Call {
 public:
  Call(Machine& machine, const Batch& batch, const Command& command, const Caller& caller,
       Object* object, std::uint64_t prefetched = 0)
      : machine_(machine),
        batch_(batch),
        command_(command),
        caller_(caller),
        object_(object),
        prefetched_(prefetched) {}

  // Arguments, by their index in the row (the object's name is not counted). Admission has checked
  // their kinds. An argument that was left out has the row's default.
  /// Returns the number of arguments up to the last one that was given.
  std::size_t count() const { return command_.count - (command_.method.on_object ? 1U : 0U); }
  bool given(std::size_t i) const { return arg(i).present(); }
  PackedView arg(std::size_t i) const {
    const std::size_t index = i + (command_.method.on_object ? 1 : 0);
    return index < command_.count ? batch_.argument(command_.first + index) : PackedView{};
  }
  /// Returns the argument, or the packed value null if it was left out.
  PackedView value(std::size_t i) const;
  /// Returns an int; saturated if the row admits ints beyond int64 (Parameter::beyond_int64).
  std::int64_t integer(std::size_t i) const;
  /// Returns an int as decimal digits, exactly as the client sent it, for messages.
  std::string decimal(std::size_t i) const;
  /// Returns the same as `integer`, but nullopt if it is null or was left out.
  std::optional<std::int64_t> maybe_integer(std::size_t i) const;
  bool boolean(std::size_t i) const;
  std::string_view text(std::size_t i) const;
  /// Returns the name in an argument of kind `name`, a text or a reference.
  std::string_view name(std::size_t i) const;
  /// Returns a number of seconds as a span; nullopt for null, which means no limit.
  std::optional<Duration> seconds(std::size_t i) const;

  Machine& machine() { return machine_; }
  const Caller& caller() const { return caller_; }
  /// Returns the verdict of the login port on this call; null if no port has seen it.
  const LoginResult* login() const {
    return command_.peer == 0 ? nullptr : &batch_.logins[command_.peer - 1];
  }
  SessionId session() const { return caller_.session; }
  Instant now() const { return machine_.now(); }
  const MethodRef& method() const { return command_.method; }
  /// Returns the object of the call. Only for methods on objects.
  Object& object() { return *object_; }
  /// Returns the value of State::prefetch for the first argument; 0 if there is none.
  std::uint64_t prefetched() const { return prefetched_; }

  /// Returns a writer for the result; a result that is left empty means null.
  Writer reply() { return Writer{machine_.reply_bytes()}; }
  /// Sets a large stored value as the result without copying it.
  void reply_blob(BlobRef blob) { blob_ = std::move(blob); }
  /// Sets a stored value as the result, without a copy if it is large.
  void reply_stored(Handle value) {
    if (auto blob = machine_.values().pin(value)) return reply_blob(std::move(*blob));
    reply().packed(machine_.values().view(value));
  }
  BlobRef take_blob() { return std::move(blob_); }

  /// Notes that the object changed, at `key`: increments its version, notifies watching sessions,
  /// and has State::serve called once the handler is done. Without `key`, the call's first argument
  /// is taken if it is a key, an index or an attribute.
  void changed(PackedView key = {}) {
    const bool uses_own_key = object_->watched != nullptr && !key.present();
    machine_.changed(*object_, command_.method, uses_own_key ? own_key() : key);
  }
  /// Has State::serve called once the handler is done, without a new version.
  void serve_soon() { machine_.serve_soon(*object_); }
  /// Notes that this call's reply delivers an item of the object; see Machine::track_delivery.
  bool track_delivery() { return machine_.track_delivery(caller_, *object_, context_); }
  std::unique_ptr<ReplyContext>& context() { return context_; }
  /// Adds the deliveries of a call that ran as a part of this one.
  void add_deliveries(Call& part);

  /// Returns an error about this object, with its name in the details.
  [[gnu::cold]] Failure fail_here(Errc code, std::string message) const;
  [[gnu::cold]] Failure fail_here(Error error) const;

  /// Returns the type and name, as in "dict jobs", for messages.
  std::string what() const;

  /// Parks the call in `queue` until State::serve replies to the waiter or the time in argument
  /// `timeout` is over. With a timeout of 0 it returns the outcome of the time-out at once. `fill`
  /// completes the waiter.
  /// @error overloaded  the session has too many waiting calls.
  template <typename Fill>
  Outcome wait(WaitQueue& queue, std::size_t timeout, Fill&& fill) {
    return wait_for(queue, seconds(timeout), std::forward<Fill>(fill));
  }
  Outcome wait(WaitQueue& queue, std::size_t timeout) {
    return wait(queue, timeout, [](Waiter&) {});
  }
  /// Does the same with a timeout that is not an argument.
  template <typename Fill>
  Outcome wait_for(WaitQueue& queue, std::optional<Duration> span, Fill&& fill) {
    if (span && span->count() == 0) return no_wait();
    if (Outcome full = may_wait(); !full) return full;
    Waiter start = waiter(span);
    fill(start);
    parked_ = &machine_.waiters().park(std::move(start), queue);
    return Progress::waiting;
  }
  /// Parks a call of a static method likewise, in the queues of several objects, until one of them
  /// replies.
  template <typename Fill>
  Outcome wait_at(std::span<const WaitPlace> places, std::size_t timeout, Fill&& fill) {
    const std::optional<Duration> span = seconds(timeout);
    if (span && span->count() == 0) return no_wait(places);
    if (Outcome full = may_wait(places.size()); !full) return full;
    Waiter start = waiter(span);
    fill(start);
    parked_ = &machine_.waiters().park(std::move(start), places);
    return Progress::waiting;
  }
  /// Returns the waiter that `wait` or `wait_at` has made; null before.
  Waiter* parked() const { return parked_; }
  /// Returns the outcome of a time-out of 0.
  Outcome no_wait();

 private:
  const Parameter& parameter(std::size_t i) const { return command_.method.method->parameters[i]; }
  PackedView own_key() const;
  Outcome no_wait(std::span<const WaitPlace> places);
  Outcome may_wait(std::size_t places = 1);
  Waiter waiter(std::optional<Duration> span) const;

  Machine& machine_;
  const Batch& batch_;
  const Command& command_;
  const Caller& caller_;
  Object* object_;
  std::uint64_t prefetched_;
  BlobRef blob_;
  Waiter* parked_ = nullptr;
  std::unique_ptr<ReplyContext> context_;  // null until an item is delivered
};

/// Makes a Handler from a function on a type's own State: `.handler = on<&get>`.
template <auto Function, typename S>
Outcome call_on(Outcome (*)(Call&, S&), Call& call) {
  return Function(call, static_cast<S&>(*call.object().state));
}
template <auto Function>
Outcome on(Call& call) {
  return call_on<Function>(Function, call);
}

}  // namespace agora
