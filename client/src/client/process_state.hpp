// SPDX-License-Identifier: MIT

// ProcessState: the part of a client that belongs to one process: its session, callback thread,
// lock grants and listeners.
//
// A forked child never touches the state of its parent, whose locks may be held by threads that do
// not exist in the child. It abandons that state and makes a new one: see Client::state().
//
// Lock order: `listening_`, then `mutex_`, then one of the mutexes of Session, Grants and Mapping,
// then that of CallbackThread. The callback thread holds none of them while it runs user code.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/src/client/callback_thread.hpp"
#include "client/src/client/grants.hpp"
#include "client/src/client/notices.hpp"
#include "client/src/session/session.hpp"
#include "client/src/transport/fork_guard.hpp"

namespace agora::detail {

class Client;

class ProcessState : private SessionWatcher {
 public:
  /// @param plan       must outlive this state
  /// @param abandoned  the state of the parent process, or null: kept reachable, never touched
  ProcessState(Client& client, const SessionPlan& plan, ProcessState* abandoned)
      : client_(client), plan_(plan), abandoned_(abandoned) {}
  ~ProcessState() override = default;
  ProcessState(const ProcessState&) = delete;
  ProcessState& operator=(const ProcessState&) = delete;

  /// True if this is the process that made the state.
  bool is_current() const { return epoch_ == process_epoch(); }

  /// Returns the present session. Opens one if there is none or if it is over; see Client::connect.
  Expected<std::shared_ptr<Session>> connect(const Deadline& deadline, const Wait& wait);
  /// Returns the session that was opened last, which may be over; null if there was none yet.
  std::shared_ptr<Session> session();
  /// Returns the number of the present session if it shares memory, else 0. Cost: one load.
  std::uint64_t mapped() const { return mapped_.load(std::memory_order_acquire); }
  /// Ends all sessions, then the callback thread. Call it once; the destructor must follow.
  void stop() noexcept;

  /// Starts the callback thread; see CallbackThread::start_or_throw.
  void start_callback_thread() { callbacks_.start_or_throw(); }
  /// Completes a call that is done, on the callback thread.
  void post(std::uint64_t session, std::unique_ptr<OwnedCall> call, HoldRef arrived);
  /// Completes a call that could not be started, on the callback thread.
  void post(CompletionPtr completion, Failure failure);

  /// Returns the grants of this process. Marks the grants of a session that is over
  /// as lost first, in case the I/O thread has not done it yet.
  Grants& grants();

  /// Adds a listener before the call that starts its notices. @return its number.
  std::uint64_t add_listener(const std::string& object, Notices::Listener listener);
  /// Notes the session in which that call succeeded, and the version that it returned; 0 for none.
  /// If this session is lost already, the listener gets its `lost` notice on the callback thread.
  void bind_listener(std::uint64_t number, std::uint64_t session, std::uint64_t version);
  /// Removes a listener whose call failed.
  void drop_listener(std::uint64_t number);
  /// Removes a listener. If it was the last of its kind for its object, runs `stop`, which sends
  /// the call that ends the notices. No listener is added between the removal and that call.
  void remove_listener(std::uint64_t number,
                       const std::function<void(const Notices::Listener&)>& stop);

 private:
  void completed(Session& from, std::unique_ptr<OwnedCall> call) noexcept override;
  void noticed(const Packed& notice) noexcept override;
  void ended(Session& from) noexcept override;
  void unsent(Session& from, std::vector<std::unique_ptr<OwnedCall>> calls,
              const Wait& wait) noexcept override;
  void drained(Session& from) noexcept override;

  Expected<std::shared_ptr<Session>> open(const Deadline& deadline, const Wait& wait);
  void lose(Session& over);
  void hold_gate_for_draining(const Session& fresh);
  void post(std::vector<Notices::Due> due);

  Client& client_;
  const SessionPlan& plan_;
  // Read by no code: leak checkers find the memory of the parent process through it.
  [[maybe_unused]] ProcessState* const abandoned_;
  const std::uint64_t epoch_ = process_epoch();
  CallbackThread callbacks_;
  Grants grants_{callbacks_};

  std::mutex listening_;  // orders the start and the end of an object's notices
  std::mutex mutex_;      // guards the members below
  std::shared_ptr<Session> session_;
  std::vector<std::shared_ptr<Session>> earlier_;  // over, but their I/O threads may still run
  // Sessions whose I/O thread may still send their unsent calls again, in a later session. Until it
  // has, the holds keep the gates of later sessions closed.
  std::map<std::uint64_t, std::vector<GateHold>> draining_;
  std::uint64_t sessions_ = 0;            // opened so far; written by the opening thread only
  std::atomic<std::uint64_t> mapped_{0};  // the number of `session_` if it shares memory
  bool opening_ = false;                  // one thread opens a session at a time
  std::condition_variable opened_;        // an attempt to open a session has finished
  std::uint64_t failures_ = 0;            // attempts that failed, not counting expired deadlines
  Error failure_;                         // the error of the last of them
  bool ending_ = false;                   // stop() was called
  Notices notices_;
};

}  // namespace agora::detail
