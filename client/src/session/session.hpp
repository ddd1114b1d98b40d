// Session: the calls of one process to one server, over as many connections as it takes.
//
// Reading is a baton. Each blocking caller does its own input and output: whoever finds nobody
// reading takes the baton, reads, and deals the replies of the others into their slots; when it has
// its own it hands the baton to a caller that sleeps. So a lone caller costs one send and one
// receive on its own thread. The session's I/O thread (session_thread.cpp) does what nobody blocks
// for: heartbeat, asynchronous calls, notices, and making a broken connection anew.
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
#include <vector>

#include <agora/detail/handle.hpp>
#include <agora/options.hpp>

#include "client/src/session/backoff.hpp"
#include "client/src/session/call_table.hpp"
#include "client/src/session/lease.hpp"
#include "client/src/session/server_life.hpp"
#include "client/src/transport/address.hpp"
#include "client/src/transport/handshake.hpp"
#include "client/src/transport/link.hpp"
#include "client/src/transport/wait.hpp"
#include "client/src/transport/wakeup.hpp"
#include "shared/base/expected.hpp"

namespace agora::detail {

class Session;

/// What a session tells, always on its I/O thread and without any lock held. Neither runs a user's
/// code: while this thread is busy nobody gives signs of life or reconnects.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;
  /// An asynchronous call has its reply.
  virtual void completed(Session& session, std::unique_ptr<OwnedSlot> call) noexcept = 0;
  /// A notice: the map of `[2,"notice",[map]]`.
  virtual void noticed(const Packed& notice) noexcept = 0;
  /// The session is over.
  virtual void ended(Session& session) noexcept = 0;
  /// After `ended`, the last word: asynchronous calls that the server cannot have got. May wait
  /// with `wait`, which stop() calls off.
  virtual void unsent(Session& session, std::vector<std::unique_ptr<OwnedSlot>> calls,
                      const Wait& wait) noexcept = 0;
  /// After all of these, unless the session is stopped: it makes no more calls anywhere.
  virtual void settled(Session& session) noexcept = 0;
};

/// What a session needs to know of its manager.
struct SessionPlan {
  Address address;
  manager_options options;
  std::function<bool()> server_gone;  ///< true once the server's process is known to have ended
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  /// Connects, opens a session and starts its I/O thread, by the deadline and within the plan's
  /// connect_timeout. The watcher must outlive stop().
  /// @param number  names this session among all of its client; never 0
  /// @error unavailable, timeout, and what the server answers to session.open.
  static Expected<std::shared_ptr<Session>> open(const SessionPlan& plan, SessionWatcher& watcher,
                                                 std::uint64_t number, const Deadline& deadline,
                                                 const Wait& wait);

  struct Outcome {
    Expected<Packed> result;
    bool sent = false;  ///< the server may have got the call
  };
  /// Makes one call and waits for its reply, over any number of broken connections.
  /// @error whatever the server answers.
  /// @error timeout       no reply by the deadline; done unknown for a changing call that was sent.
  /// @error unavailable   the same, and at the deadline there is no connection.
  /// @error session_lost  the session is over; done unknown for a changing call that was sent.
  /// @error too_large     the parameters are more than a message may hold; nothing was sent.
  Outcome call(const Call& call, const Deadline& deadline);

  /// Makes a call for whose reply nobody blocks. Never waits. Gives the call back if the session
  /// is over.
  std::unique_ptr<OwnedSlot> start(std::unique_ptr<OwnedSlot> call);
  /// Sends calls in few writes, but for those that are `done` already, and waits until all are.
  void run(std::span<const std::unique_ptr<OwnedSlot>> calls);

  std::uint64_t number() const { return number_; }
  /// True once the session is known to be over; for good.
  bool over() const { return over_.load(std::memory_order_acquire); }
  /// Whether it is certain that the server has not ended the session: there is a connection, and
  /// the last answered sign of life is younger than the ttl. Looks at the connection; does not
  /// wait.
  bool certain();
  /// The server's memory in this process; null: all goes over the socket.
  Mapping* mapping() const { return mapping_.get(); }
  std::shared_ptr<Mapping> share_mapping() const { return mapping_; }
  /// True once the I/O thread has ended and tells nothing more.
  bool thread_ended();
  /// The caller of an asynchronous call has its reply; 0: that was said already.
  void finished(std::uint64_t call, bool kept);
  /// From now on the I/O thread reads whenever nobody else does: notices may come.
  void expect_notices();

  /// Ends the session: says so to the server if there is a connection, and waits until the I/O
  /// thread has ended. Outstanding asynchronous calls complete with session_lost before.
  void stop() noexcept;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using LinkRef = std::shared_ptr<Link>;

  Session(const SessionPlan& plan, SessionWatcher& watcher, std::uint64_t number);

  /// A call that has no number yet.
  struct Queued {
    Slot* slot = nullptr;
    std::unique_ptr<OwnedSlot> owned;  // the slot, if nobody's stack has it
  };

  // session.cpp: calls
  void enter(Lock& lock, Slot& slot);
  void refuse(Slot& slot);
  void send_blocking(Lock& lock, Slot& slot);
  bool must_queue(const Slot& slot) const;
  void enter_later(Queued call);
  void number_and_send(Queued call);
  void promote();
  Outcome settle(Lock& lock, Slot& slot);
  void give_up(Slot& slot);
  void hand_on(Slot& slot);
  std::unique_ptr<OwnedSlot> give_up_owned(OwnedSlot& call);
  void say_given_up(Slot& slot);
  void plan_cancel(Slot& slot) const;
  void cancel(Slot& slot);
  bool time_over(Lock& lock, Slot& slot);
  void leave(Slot& slot);
  std::unique_ptr<OwnedSlot> forget_queued(const Slot& slot);

  // session_io.cpp: the socket
  bool take_turn(Lock& lock, const Deadline& deadline);
  bool send_parts(const LinkRef& link, std::span<iovec> parts, const Deadline& deadline,
                  bool& any_sent);
  void wait_to_send(const LinkRef& link, const Deadline& deadline);
  void flush(Lock& lock);
  void await(Lock& lock, Slot& slot);
  void park(Lock& lock, Slot& slot);
  void put_down(const LinkRef& link);
  void read_turn(Lock& lock, const LinkRef& link, const Deadline& deadline);
  void deal_all(const LinkRef& link);
  bool deal(ServerMessage& message);
  void arrive(OwnedSlot& call);
  void drop(const ServerMessage& message, std::unique_ptr<OwnedSlot> undo);
  void pass_baton();
  void lose(LinkRef link, const std::string& reason) noexcept;

  // session_thread.cpp: the I/O thread
  void work() noexcept;
  void turn(Lock& lock);
  void tell(Lock& lock);
  bool wait_on(int fd, short events, const Deadline& until);
  void expire(Lock& lock);
  void retry(Clock::time_point now);
  void heartbeat(LifeClock::time_point now);
  void wait_for_work(Lock& lock, Clock::time_point now);
  void read_idle(Lock& lock, const LinkRef& link);
  Clock::time_point next_date(Clock::time_point now) const;
  void reconnect(Lock& lock);
  bool attempt(Lock& lock, Error& error);
  void resume_on(Lock& lock, LinkRef fresh, std::uint64_t last_seen, LifeClock::time_point sent);
  void end(Lock& lock, const Error& error);
  std::vector<std::unique_ptr<OwnedSlot>> fail_all(const Error& error);
  void pause(Lock& lock, Backoff::Span span);

  const SessionPlan plan_;
  SessionWatcher& watcher_;
  const std::uint64_t number_;
  SessionName name_;
  std::shared_ptr<Mapping> mapping_;  // never changes once the session is open
  ServerLife server_life_;            // of a session that shares memory
  std::atomic<bool> over_{false};
  Wakeup wakeup_;

  std::mutex mutex_;  // guards all below; never held over a system call that may wait
  CallTable table_;
  LinkRef link_;                      // null: broken, the I/O thread makes a new one
  std::condition_variable may_send_;  // somebody's turn to write has ended
  std::deque<Queued> queue_;          // calls beyond CallTable::kOpenMax, in order
  std::deque<Queued> refused_;        // of which the server wants nothing before refused_until_
  Clock::time_point refused_until_{};
  Deadlines deadlines_;  // of asynchronous calls
  std::size_t parked_ = 0;
  std::deque<std::unique_ptr<OwnedSlot>> completed_;
  std::deque<Packed> notices_;
  Lease lease_{{}, {}};
  LifeClock::time_point last_sent_;
  LifeClock::time_point cut_at_;
  Backoff backoff_;
  bool proven_ = true;  // this connection has brought an answer
  std::string lost_reason_;
  bool expects_notices_ = false;
  bool doze_ = false;  // somebody else reads: look again later
  bool stopping_ = false;
  bool ended_ = false;     // nothing is left of it; `over_` is true too
  bool finished_ = false;  // the I/O thread has ended
  std::condition_variable thread_ended_;
  std::minstd_rand chance_;
};

}  // namespace agora::detail
