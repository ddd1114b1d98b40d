// SPDX-License-Identifier: MIT

// CallTable: the pending calls of one session. It numbers calls and matches replies to them. The
// table outlives connections. It does no I/O, and has no lock of its own: the session's mutex
// guards it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <agora/detail/handle.hpp>

#include "client/src/memory/mapping.hpp"
#include "client/src/session/acknowledgements.hpp"
#include "client/src/session/lease.hpp"
#include "client/src/transport/deadline.hpp"
#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {

/// Closes the gate of the session while it lives, since a call is pending: threads then access no
/// object in shared memory, see object_view.hpp.
class GateHold {
 public:
  GateHold() = default;
  explicit GateHold(std::shared_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {
    mapping_->add_pending_call();
  }
  GateHold(GateHold&& other) noexcept : mapping_(std::move(other.mapping_)) {}
  GateHold& operator=(GateHold&& other) noexcept {
    std::swap(mapping_, other.mapping_);
    return *this;
  }
  ~GateHold() { release(); }
  explicit operator bool() const { return mapping_ != nullptr; }
  void release() {
    if (const auto mapping = std::exchange(mapping_, nullptr)) mapping->remove_pending_call();
  }

 private:
  std::shared_ptr<Mapping> mapping_;
};

/// One call that waits for its reply. The reply is stored here.
struct PendingCall {
  PendingCall(const Call& its_call, const Deadline& its_deadline)
      : call(its_call), deadline(its_deadline) {}
  virtual ~PendingCall() = default;
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;

  Call call;
  Deadline deadline;
  std::uint64_t number = 0;         ///< among the calls of its session; 0 until it is assigned
  LifeClock::time_point sent_at{};  ///< for the lease
  bool sent = false;                ///< the server may have the call
  bool done = false;                ///< `result` or `error` is set
  /// When a waiting call is cancelled: before its deadline, so that the final reply comes in time.
  Deadline cancel_at;
  bool cancelled = false;  ///< session.cancel has been sent, or will be once the call is sent
  /// Set if the program has cancelled the call, and not its deadline.
  std::optional<Cancellation> on_request;
  bool parked = false;  ///< its caller sleeps on `wake` while another thread reads
  Packed result;
  std::unique_ptr<Error> error;
  std::condition_variable wake;
  /// Set if the caller does not block for the reply: no access in shared memory may overtake the
  /// call.
  GateHold gate_hold;

  /// The time of the next action: cancelling the call, or giving it up.
  const Deadline& next_deadline() const { return cancel_at && !cancelled ? cancel_at : deadline; }
};

struct OwnedCall;
/// Calls by the time of their next action.
using Deadlines = std::multimap<Clock::time_point, OwnedCall*>;

/// A call that outlives its caller's stack frame. It owns its bytes, and may have a completion.
struct OwnedCall : PendingCall {
  OwnedCall(const Call& its_call, const Deadline& its_deadline,
            CompletionPtr its_completion = nullptr);

  /// Passes the result or the error to the completion, which must be there.
  /// @param session  in which the reply came
  /// @param hold     keeps the anonymous objects to which the result refers
  /// @param arrived  acknowledges the reply when its last copy is dropped
  void complete(std::uint64_t session, HoldRef hold, HoldRef arrived);

  std::string method;
  std::string params;
  std::string undo_method;
  std::string undo_params;
  CompletionPtr completion;  ///< null if the reply is of no interest
  /// If this call is a session.decline: the call whose reply it declines. That reply is finished
  /// only then, since an acknowledgement that overtakes would keep the items.
  std::uint64_t declines = 0;
  std::optional<Deadlines::iterator> due;  ///< its entry among the deadlines, if it has one
};

class CallTable {
 public:
  /// Bounds the pending calls that do not wait. The server keeps 1,024 replies.
  static constexpr std::size_t kOpenMax = 512;

  /// Gives the call the next number. Calls must be sent in the order of their numbers.
  void open(PendingCall& pending, LifeClock::time_point now);
  void open(std::unique_ptr<OwnedCall> pending, LifeClock::time_point now);
  /// True if a further call that does not wait must be queued.
  bool full() const { return open_ >= kOpenMax; }

  /// Removes a call that was never sent.
  void close(std::uint64_t number);
  /// The caller gives up. The table keeps a copy of the call, so that resume() can send it again if
  /// the server has seen it. Its reply tells what the session must give back.
  /// @param gate_hold  closes the gate until the reply comes
  void abandon(std::uint64_t number, GateHold gate_hold = {});
  /// The caller gives up, but the call must still run: the table owns it, without a completion.
  void keep(std::uint64_t number);
  /// As abandon, for a call that the table owns. Removes the call if it was never sent.
  /// @return the owned call; null if the table owns none of that number.
  std::unique_ptr<OwnedCall> take_back(std::uint64_t number);
  /// Notes that the caller has its reply.
  /// @param kept  whether the server keeps the reply until it is acknowledged
  void finished(std::uint64_t number, bool kept) { acknowledgements_.finished(number, kept); }

  /// The call to which a reply belongs.
  struct Match {
    enum class Kind : std::uint8_t {
      delivered,  ///< the reply is stored in the call, which is `done` now
      refused,    ///< the server's backlog is full: the call did not run and needs a new number
      dropped,    ///< the caller has given up before its reply came
      stray,      ///< no call has this number: the stream cannot be trusted any further
    };
    Kind kind = Kind::stray;
    PendingCall* pending = nullptr;    ///< of `delivered` and `refused`
    std::unique_ptr<OwnedCall> owned;  ///< that call, if the table owned it
    /// Gives back what the reply has granted to an abandoned or cancelled call; null if nothing.
    std::unique_ptr<OwnedCall> undo;
    LifeClock::time_point sent_at{};
  };
  /// Matches a reply to its call and stores it there.
  Match match(ServerMessage& reply);

  /// The session is resumed on a new connection; the server has seen numbers up to `last_seen`.
  /// Appends the messages to send first: acknowledgements, then every pending call in the order of
  /// numbers. The cancellation of a waiting call that is cancelled or abandoned follows the call.
  void resume(std::uint64_t last_seen, LifeClock::time_point now, std::string& out);

  /// The session is over: fails every call with the error, which says whether that call may have
  /// run, and wakes the blocking callers. Drops abandoned calls. @return the other calls that the
  /// table owned.
  std::vector<std::unique_ptr<OwnedCall>> fail_all(const Error& error);

  /// Returns a call whose caller sleeps and can take the baton; null if there is none.
  PendingCall* parked();
  std::size_t size() const { return calls_.size(); }
  /// The number of calls that the table owns. No caller blocks for their replies, so the I/O thread
  /// must read.
  std::size_t owned() const { return owned_; }

  /// Appends the acknowledgement if one is due, in front of the next call.
  void acknowledge(std::string& out) {
    if (acknowledgements_.due()) acknowledgements_.write(last_ + 1, out);
  }
  bool acknowledgement_due() const { return acknowledgements_.due(); }
  const Acknowledgements& acknowledgements() const { return acknowledgements_; }

 private:
  struct Entry {
    std::uint64_t number = 0;
    PendingCall* pending = nullptr;    // null: abandoned
    std::unique_ptr<OwnedCall> owned;  // the same call if the table owns it; a copy if abandoned
    bool waits = false;
    LifeClock::time_point sent_at{};
  };
  void open(PendingCall& pending, std::unique_ptr<OwnedCall> owned, LifeClock::time_point now);
  Match drop(Entry& entry, const ServerMessage& reply);
  static std::unique_ptr<OwnedCall> give_back(const Call& call, std::uint64_t number,
                                              const ServerMessage& reply);
  static std::unique_ptr<OwnedCall> withdraw(PendingCall& pending, const ServerMessage& reply);
  void confirm_up_to(std::uint64_t number);
  void count(const Entry& entry);
  void uncount(const Entry& entry);
  void resume_entry(Entry& entry, std::uint64_t last_seen, std::string& out);

  std::unordered_map<std::uint32_t, Entry> calls_;  // by the number's low half, as on the wire
  // Waiting calls with a gate hold: the server may not have queued them yet.
  std::map<std::uint64_t, PendingCall*> unconfirmed_;  // by number
  std::uint64_t last_ = 0;
  std::size_t open_ = 0;   // calls that do not wait
  std::size_t owned_ = 0;  // calls with `owned`, abandoned ones included
  Acknowledgements acknowledgements_;
};

/// The error for one caller when its session is over: `done` is unknown only if the call was sent
/// and changes something.
Error error_for(const PendingCall& pending, const Error& error);

/// The error of a call that the program has cancelled.
Error cancelled_error(const Call& call, Done done);

/// The call that gives back what this call may have acquired; null if it names none.
std::unique_ptr<OwnedCall> undo_of(const Call& call);

/// Returns the earliest deadline of the calls; never, if none has one.
Deadline nearest_deadline(std::span<const std::unique_ptr<OwnedCall>> calls);

/// Appends the whole message of one call.
void write_call(const PendingCall& pending, std::string& out);

/// Appends the notification that cancels a waiting call.
void write_cancel(std::uint64_t number, std::string& out);

}  // namespace agora::detail
