// The seam between the proxies (templates) and the calls (compiled): what one call says of itself,
// its parameters as bytes, and the handle that keeps an object's name and its anonymous hold.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <agora/detail/object_view.hpp>

#include "shared/base/expected.hpp"
#include "shared/value/codec.hpp"
#include "shared/value/hold_ref.hpp"

namespace agora::detail {

class Client;       // what all copies of a manager share: client/src/client/client.hpp
class HandleState;  // what all copies of a proxy share: client/src/proxies/handle.cpp

/// Whether a call changes something: it decides what is known when its reply is lost.
enum class Effect : std::uint8_t { reads, changes };

using Seconds = std::chrono::duration<double>;
/// How long a waiting call waits on the server; empty: for ever. Encodes as the wire wants it.
using Timeout = std::optional<Seconds>;

/// Any duration as a timeout: a negative one does not wait, one beyond a century waits for ever.
template <typename Rep, typename Period>
Timeout timeout_of(std::chrono::duration<Rep, Period> span) {
  const Seconds seconds(span);
  constexpr Seconds kCentury{100.0 * 365 * 24 * 3600};
  if (!(seconds < kCentury)) return std::nullopt;
  return seconds < Seconds::zero() ? Seconds::zero() : seconds;
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

/// One call, encoded but for its number. The views must live until the call has returned.
struct Call {
  std::string_view method;
  Effect effect = Effect::changes;
  bool waits = false;            ///< it ends by itself: after `timeout`, or never
  Timeout timeout = {};          ///< only of a waiting call
  std::uint32_t count = 0;       ///< how many parameters there are
  std::string_view params = {};  ///< their values, one after another
  /// It gives something back: if its caller gives up it is still sent, once, until it has run or
  /// its session is over.
  bool lasting = false;
  /// Of a waiting call that takes a lock: if its caller gives up, this call is made at once behind
  /// the one that cancels the wait. It gives the lock back if it was granted before, else it is
  /// refused. So nothing that the caller does later finds itself in the way.
  std::string_view undo_method = {};
  std::uint32_t undo_count = 0;
  std::string_view undo_params = {};

  Call& with(const Params& given) {
    count = given.count;
    params = given.bytes;
    return *this;
  }
};

/// What came back, and in which session: holds and grants belong to a session.
struct [[nodiscard]] Reply : Expected<Packed> {
  Reply(Expected<Packed> result, std::uint64_t its_session, HoldRef its_hold = {})
      : Expected<Packed>(std::move(result)), session(its_session), keep(std::move(its_hold)) {}
  Reply(Failure failure) : Expected<Packed>(std::move(failure)) {}  // NOLINT: implicit

  std::uint64_t session = 0;  ///< never 0 for a result
  HoldRef keep;               ///< of the anonymous objects to which the result refers
};

class Batch;  // calls that a pipeline collects: client/src/client/batch.hpp

/// Who is told the reply of an asynchronous call.
class Completion {
 public:
  virtual ~Completion() = default;
  /// Called once, on the manager's callback thread. `arrived` is what tells the server that the
  /// caller has its reply: it is dropped when that is so.
  virtual void complete(Reply reply, HoldRef arrived) = 0;
  /// Where the call is to be collected; null: it is sent at once.
  virtual Batch* batch() { return nullptr; }
};

/// The name of an object, shared by all copies of a proxy. The last copy of an anonymous object's
/// handle gives the hold back, best effort. Any thread.
class Handle {
 public:
  /// `held_in` is the session that holds an anonymous object for this handle already, and `keep`
  /// what has that hold; without one it is the handle's own. 0: none, the first call takes one.
  Handle(std::shared_ptr<Client> client, std::string name, std::uint64_t held_in,
         HoldRef keep = {});
  Handle(const Handle& other)
      : state_(other.state_), guard_(other.guard_), view_(other.view_.load()) {}
  Handle(Handle&& other) noexcept
      : state_(std::move(other.state_)),
        guard_(std::move(other.guard_)),
        view_(other.view_.load()) {}
  Handle& operator=(Handle other) noexcept {
    state_.swap(other.state_);
    guard_.swap(other.guard_);
    view_.store(other.view_.load());
    return *this;
  }
  ~Handle() = default;

  const std::string& name() const;
  Client& client() const;

  /// What may be touched of the object without a call, now; null: make a call. In a session that
  /// shares memory the first use asks where the object lies, which is a call.
  const ObjectView* view() const {
    const ObjectView* seen = view_.load(std::memory_order_acquire);
    if (seen != nullptr && seen->open()) [[likely]]
      return seen;
    return look();
  }
  /// What view() last gave to this copy, open or not; null if nothing yet.
  const ObjectView* cached_view() const { return view_.load(std::memory_order_acquire); }
  /// What view() last gave to any copy of this handle, open or not; null if nothing yet.
  const ObjectView* last_view() const;

  /// A handle of the same object whose calls carry a guard: they are refused with stale_token
  /// unless that grant of the lock still stands.
  /// @throws value_error  this one is guarded already: a call carries one guard.
  Handle guarded(const std::string& lock, std::uint64_t token) const;
  bool is_guarded() const { return guard_ != nullptr; }
  /// The parameters of a call: the name, these, and the guard if there is one.
  template <Encodable... A>
  Params params(const A&... arguments) const {
    Params all = params_of(name(), arguments...);
    add_guard(all);
    return all;
  }
  void add_guard(Params& params) const {
    if (guard_) params.bytes += *guard_, ++params.count;
  }

  /// Makes one call. An anonymous object is first held in the session in use, if it is not yet:
  /// after a fork and after a lost session.
  Reply call(const Call& call) const;
  /// The same without waiting for the reply.
  void start(const Call& call, std::unique_ptr<Completion> completion) const;

 private:
  const ObjectView* look() const;

  std::shared_ptr<HandleState> state_;
  std::shared_ptr<const std::string> guard_;  // as the wire wants it; null: none
  // The state's as far as known here: one look less on the way. Never set where calls are guarded.
  mutable std::atomic<const ObjectView*> view_{nullptr};
};

/// `inner`, an error of decoding, as one about the object of this call: "dict d: ...".
[[noreturn]] void throw_mismatch(std::string_view method, const std::string& name, Failure inner);

}  // namespace agora::detail
