// One call as its handler sees it: arguments, who calls, where the result goes, and how to wait.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
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

  // Arguments, by their place in the row (the object's name is not counted). Their kinds were
  // checked at admission; what was left out has the row's default.
  bool given(std::size_t i) const { return arg(i).present(); }
  PackedView arg(std::size_t i) const {
    const std::size_t place = i + (command_.method.on_object ? 1 : 0);
    return place < command_.count ? batch_.argument(command_.first + place) : PackedView{};
  }
  /// The value; null if it was left out.
  PackedView value(std::size_t i) const;
  std::int64_t integer(std::size_t i) const;
  /// As `integer`, nothing for null or left out.
  std::optional<std::int64_t> maybe_integer(std::size_t i) const;
  bool boolean(std::size_t i) const;
  std::string_view text(std::size_t i) const;
  /// The name that a parameter of kind `name` gives, as text or reference.
  std::string_view name(std::size_t i) const;
  /// Seconds as a span; nothing for "no end".
  std::optional<Duration> seconds(std::size_t i) const;

  Machine& machine() { return machine_; }
  const Caller& caller() const { return caller_; }
  SessionId session() const { return caller_.session; }
  Instant now() const { return machine_.now(); }
  const MethodRef& method() const { return command_.method; }
  /// The object that the call is for. Only for methods on objects.
  Object& object() { return *object_; }
  /// What State::prefetch gave for the first argument; 0: nothing.
  std::uint64_t prefetched() const { return prefetched_; }

  /// Where the result is written; nothing written means null.
  Writer reply() { return Writer{machine_.reply_bytes()}; }
  /// Gives a large stored value as the result without copying it.
  void reply_blob(BlobRef blob) { blob_ = std::move(blob); }
  /// Gives a stored value as the result, without a copy if it is large.
  void reply_stored(Handle value) {
    if (auto blob = machine_.values().pin(value)) return reply_blob(std::move(*blob));
    reply().packed(machine_.values().view(value));
  }
  BlobRef take_blob() { return std::move(blob_); }

  /// The object changed (at that key; if none is given, at the one that the row's first parameter
  /// names): its version grows, watchers hear of it, and State::serve is called once the handler
  /// is done.
  void changed(PackedView key = {}) {
    const bool asks = object_->watched != nullptr && !key.present();
    machine_.changed(*object_, command_.method, asks ? own_key() : key);
  }
  /// State::serve is called once the handler is done, though nothing that counts has changed.
  void serve_soon() { machine_.serve_soon(*object_); }
  /// See Machine::track_delivery.
  bool track_delivery() { return machine_.track_delivery(caller_, *object_, context_); }
  std::unique_ptr<ReplyContext>& context() { return context_; }
  /// Adds the deliveries of a call that ran as a part of this one.
  void add_deliveries(Call& part);

  /// An error about this object, with its name in the details.
  [[gnu::cold]] Failure fail_here(Errc code, std::string message) const;
  [[gnu::cold]] Failure fail_here(Error error) const;

  /// "dict jobs", for messages.
  std::string what() const;

  /// Waits in `queue` until somebody serves the waiter or `timeout` (the argument at that place)
  /// is over; with a timeout of 0 the outcome is that of the time-out, at once. `fill` completes
  /// the waiter.
  /// @error overloaded  the session has too many waiting calls.
  template <typename Fill>
  Outcome wait(WaitQueue& queue, std::size_t timeout, Fill&& fill) {
    return wait_for(queue, seconds(timeout), std::forward<Fill>(fill));
  }
  Outcome wait(WaitQueue& queue, std::size_t timeout) {
    return wait(queue, timeout, [](Waiter&) {});
  }
  /// The same with a span of time that is no argument.
  template <typename Fill>
  Outcome wait_for(WaitQueue& queue, std::optional<Duration> span, Fill&& fill) {
    if (span && span->count() == 0) return no_wait();
    if (Outcome full = may_wait(); !full) return full;
    Waiter start = waiter(span);
    fill(start);
    parked_ = &machine_.waiters().park(std::move(start), queue);
    return Progress::waiting;
  }
  /// The waiter that `wait` has made; none before.
  Waiter* parked() const { return parked_; }
  /// The outcome of a time-out of 0.
  Outcome no_wait();

 private:
  const Parameter& parameter(std::size_t i) const { return command_.method.method->parameters[i]; }
  PackedView own_key() const;
  Outcome may_wait();
  Waiter waiter(std::optional<Duration> span) const;

  Machine& machine_;
  const Batch& batch_;
  const Command& command_;
  const Caller& caller_;
  Object* object_;
  std::uint64_t prefetched_;
  BlobRef blob_;
  Waiter* parked_ = nullptr;
  std::unique_ptr<ReplyContext> context_;  // none until something is delivered
};

/// Makes a Handler of a function on a type's own state: `.handler = on<&get>`.
template <auto Function, typename S>
Outcome call_on(Outcome (*)(Call&, S&), Call& call) {
  return Function(call, static_cast<S&>(*call.object().state));
}
template <auto Function>
Outcome on(Call& call) {
  return call_on<Function>(Function, call);
}

}  // namespace agora
