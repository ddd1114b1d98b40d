// SPDX-License-Identifier: MIT

// Session: the calls of one process to one server, over any number of successive connections.
//
// The right to read is a baton (the leader/followers pattern). A blocking caller does its own input
// and output. If no other thread reads, it takes the baton, reads, and stores the replies of other
// calls. Once it has its own reply it passes the baton to a caller that sleeps. So a lone caller
// costs one send and one receive on its own thread. The session's I/O thread (session_thread.cpp)
// does the work for which no caller blocks: heartbeats, asynchronous calls, notices, reconnecting.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <agora/detail/handle.hpp>
#include <agora/options.hpp>

#include "client/src/session/backoff.hpp"
#include "client/src/session/call_table.hpp"
#include "client/src/session/lease.hpp"
#include "client/src/session/peer_process.hpp"
#include "client/src/session/progress.hpp"
#include "client/src/transport/address.hpp"
#include "client/src/transport/connection.hpp"
#include "client/src/transport/handshake.hpp"
#include "client/src/transport/wait.hpp"
#include "client/src/transport/wakeup.hpp"
#include "shared/base/expected.hpp"

namespace agora::detail {

class Session;

/// Receives the events of a session, always on its I/O thread and without any lock held. A watcher
/// never runs user code: while this thread is busy there are no heartbeats and no reconnects.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;
  /// An asynchronous call has its reply.
  virtual void completed(Session& session, std::unique_ptr<OwnedCall> call) noexcept = 0;
  /// A notice: the map of `[2,"notice",[map]]`.
  virtual void noticed(const Packed& notice) noexcept = 0;
  /// The session is over.
  virtual void ended(Session& session) noexcept = 0;
  /// Follows `ended` if asynchronous calls are left that cannot have reached the server. The
  /// watcher may wait with `wait`, which stop() cancels.
  virtual void unsent(Session& session, std::vector<std::unique_ptr<OwnedCall>> calls,
                      const Wait& wait) noexcept = 0;
  /// The last event, unless the session was stopped: its I/O thread sends no more calls.
  virtual void drained(Session& session) noexcept = 0;
};

/// The configuration of a session, the same for all sessions of a manager.
struct SessionPlan {
  std::vector<Address> addresses;  ///< at least one; tried in turn
  manager_options options;
  std::function<bool()> server_gone;  ///< true once the server's process is known to have ended
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// Connects, opens a session and starts its I/O thread, by the deadline and within the plan's
  /// connect_timeout. The watcher must outlive stop().
  /// @param number  identifies this session among all sessions of its client; never 0
  /// @error unavailable, timeout, and any error of session.open.
  static Expected<std::shared_ptr<Session>> open(const SessionPlan& plan, SessionWatcher& watcher,
                                                 std::uint64_t number, const Deadline& deadline,
                                                 const Wait& wait);

  struct Outcome {
    Expected<Packed> result;
    bool sent = false;  ///< the server may have received the call
  };
  /// Makes one call and waits for its reply, over any number of broken connections.
  /// @error any error of the method itself.
  /// @error timeout       no reply by the deadline; done unknown for a changing call that was sent.
  /// @error unavailable   the same, and at the deadline there is no connection.
  /// @error session_lost  the session is over; done unknown for a changing call that was sent.
  /// @error too_large     the parameters exceed the size of a message; nothing was sent.
  Outcome call(const Call& call, const Deadline& deadline);

  /// Starts an asynchronous call. Never waits. @return the call if the session is over, else null.
  std::unique_ptr<OwnedCall> start(std::unique_ptr<OwnedCall> call);
  /// Cancels the asynchronous call of that ticket, if it has not completed. Never waits.
  ///
  /// A call that was not sent ends at once. A waiting call is cancelled at the server, whose reply
  /// ends it: `cancelled`, done no, if the wait has ended without an effect. If the reply is a
  /// success nevertheless, Cancellation::partial gives back what the call has acquired. Any other
  /// call that was sent keeps waiting for its reply. While there is no connection,
  /// Cancellation::partial ends all calls at once, done unknown if they may have changed something.
  void cancel(CallTicket ticket, Cancellation kind);
  /// Sends all calls that are not `done` yet in few writes, and waits until all are done.
  void run(std::span<const std::unique_ptr<OwnedCall>> calls);

  std::uint64_t number() const { return number_; }
  /// True once the session is known to be over; for good.
  bool over() const { return over_.load(std::memory_order_acquire); }
  /// Returns true if the server has certainly not ended the session: the connection stands, and the
  /// last heartbeat that was answered is younger than the ttl. Polls the connection; never waits.
  bool certain();
  /// Returns the server's memory in this process; null if the session shares none.
  Mapping* mapping() const { return mapping_.get(); }
  std::shared_ptr<Mapping> share_mapping() const { return mapping_; }
  /// True once the I/O thread has ended; the watcher gets no more events.
  bool thread_ended();
  /// Notes that the caller of an asynchronous call has its reply, so that it can be acknowledged.
  /// @param call  the number of the call; 0 if that has been noted already
  void finished(std::uint64_t call, bool kept);
  /// From now on the I/O thread reads whenever no caller does, since notices may come.
  void expect_notices();

  /// Ends the session: sends session.close if there is a connection, and waits until the I/O thread
  /// has ended. Pending asynchronous calls first complete with session_lost.
  void stop() noexcept;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using ConnectionRef = std::shared_ptr<Connection>;

  Session(const SessionPlan& plan, SessionWatcher& watcher, std::uint64_t number);

  /// A call that has no number yet.
  struct Queued {
    PendingCall* pending = nullptr;
    std::unique_ptr<OwnedCall> owned;  // the same call, if it outlives its caller's stack
  };

  // session.cpp: calls
  bool too_large_to_send(const Call& call) const;
  void submit(Lock& lock, PendingCall& pending);
  void refuse(PendingCall& pending);
  void send_blocking(Lock& lock, PendingCall& pending);
  bool must_queue(const PendingCall& pending) const;
  void submit_or_queue(Queued call);
  void number_and_send(Queued call);
  void send_queued();
  Outcome take_outcome(Lock& lock, PendingCall& pending);
  void give_up(PendingCall& pending);
  void continue_without_caller(PendingCall& pending);
  std::unique_ptr<OwnedCall> give_up_owned(OwnedCall& call);
  void fail_given_up(PendingCall& pending);
  void plan_cancel(PendingCall& pending) const;
  void cancel(PendingCall& pending);
  void forget_ticket(const OwnedCall& call) {
    if (call.completion && call.completion->ticket != 0)
      cancellable_.erase(call.completion->ticket);
  }
  void end_cancelled(OwnedCall& call);
  void end_cancelled_calls();
  bool check_deadline(Lock& lock, PendingCall& pending);
  void cancel_and_undo(PendingCall& pending);
  std::unique_ptr<OwnedCall> remove_queued(const PendingCall& pending);

  // session_io.cpp: the socket
  bool take_write_turn(Lock& lock, const Deadline& deadline);
  bool send_parts(const ConnectionRef& connection, std::span<iovec> parts, const Deadline& deadline,
                  bool& any_sent);
  void wait_to_send(const ConnectionRef& connection, const Deadline& deadline);
  void flush(Lock& lock);
  void await(Lock& lock, PendingCall& pending);
  void park(Lock& lock, PendingCall& pending);
  void put_down_baton(const ConnectionRef& connection);
  void read_once(Lock& lock, const ConnectionRef& connection, const Deadline& deadline);
  void process_messages(const ConnectionRef& connection);
  bool process_reply(ServerMessage& message);
  void acknowledge_early(OwnedCall& call);
  void undo_dropped(const ServerMessage& message, std::unique_ptr<OwnedCall> undo);
  void pass_baton();
  void disconnect(ConnectionRef connection, const std::string& reason) noexcept;

  // session_thread.cpp: the I/O thread
  void work() noexcept;
  void run_once(Lock& lock);
  void dispatch(Lock& lock);
  bool wait_on(int fd, short events, const Deadline& until);
  void expire(Lock& lock);
  void retry(Clock::time_point now);
  void unmap_released(Lock& lock);
  void heartbeat(LifeClock::time_point now);
  bool moves(LifeClock::time_point now);
  void wait_for_work(Lock& lock, Clock::time_point now);
  void read_idle(Lock& lock, const ConnectionRef& connection);
  Clock::time_point next_wakeup(Clock::time_point now) const;
  void reconnect(Lock& lock);
  bool attempt(Lock& lock, Error& error);
  void resume_on(Lock& lock, ConnectionRef fresh, std::uint64_t last_seen,
                 LifeClock::time_point sent);
  void end(Lock& lock, const Error& error);
  std::vector<std::unique_ptr<OwnedCall>> fail_all(const Error& error);
  void pause(Lock& lock, Backoff::Span span);

  const SessionPlan plan_;
  SessionWatcher& watcher_;
  const std::uint64_t number_;
  SessionName name_;                  // never changes once the session is open
  std::shared_ptr<Mapping> mapping_;  // never changes once the session is open
  std::size_t home_ = 0;              // the address of the last connection; of the I/O thread
  PeerProcess server_process_;        // only if the session shares memory
  std::atomic<bool> over_{false};
  Progress progress_;  // of messages under way
  Wakeup wakeup_;      // of the I/O thread

  std::mutex mutex_;  // guards all below; never held over a system call that may wait
  CallTable table_;
  ConnectionRef connection_;          // null: broken, the I/O thread reconnects
  std::condition_variable may_send_;  // a writer has finished
  std::deque<Queued> queue_;          // calls beyond CallTable::kOpenMax, in order
  std::deque<Queued> refused_;        // refused by the server, sent again at refused_until_
  Clock::time_point refused_until_{};
  Deadlines deadlines_;  // of asynchronous calls that have one
  std::unordered_map<CallTicket, OwnedCall*> cancellable_;
  std::size_t parked_ = 0;                            // blocking callers that sleep in park()
  std::deque<std::unique_ptr<OwnedCall>> completed_;  // for the watcher, as are the notices
  std::deque<Packed> notices_;
  Lease lease_{{}, {}};
  LifeClock::time_point last_sent_;
  LifeClock::time_point disconnected_at_;
  std::size_t unsent_ = 0;  // bytes that the kernel held at the last heartbeat
  Backoff backoff_;
  bool proven_ = true;       // this connection has brought a reply
  std::string lost_reason_;  // why the last connection, or the session, was lost
  bool expects_notices_ = false;
  bool recheck_ = false;   // a caller reads: check again later
  bool stopping_ = false;  // stop() was called
  bool ended_ = false;     // all calls have failed; implies `over_`
  bool finished_ = false;  // the I/O thread has ended
  std::condition_variable thread_ended_;
  std::minstd_rand random_;
};

}  // namespace agora::detail
