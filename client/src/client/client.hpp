// SPDX-License-Identifier: MIT

// Client: shared by all copies of a manager and by all its proxies.
//
// The address and the options never change. All mutable state is a ProcessState, behind one atomic
// pointer. A forked child sees that this state has the epoch of another process. It abandons the
// state, whose locks may be held by threads that do not exist in the child, and makes a new one.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <agora/detail/handle.hpp>
#include <agora/options.hpp>

#include "client/src/client/grants.hpp"
#include "client/src/client/notices.hpp"
#include "client/src/session/session.hpp"
#include "client/src/transport/address.hpp"

namespace agora::detail {

class ProcessState;

class Client : public std::enable_shared_from_this<Client> {
 public:
  /// @param server_gone  returns true once the server's process has exited; empty if unknown
  Client(std::string address_text, std::vector<Address> addresses, manager_options options,
         std::function<bool()> server_gone = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& address_text() const { return address_text_; }
  /// Returns the first address.
  const Address& address() const { return plan_.addresses.front(); }

  /// Makes one call. Opens a session first if there is none. If the session is lost before any part
  /// of the call was sent, retries once in a new session.
  /// @error unavailable, timeout, session_lost, and any error of the method itself.
  Reply call(const Call& call) { return this->call(call, deadline_of(call)); }
  Reply call(const Call& call, const Deadline& deadline);
  /// Makes one call only in that session.
  /// @error session_lost  another session is the present one; nothing was sent.
  Reply call_in(std::uint64_t session, const Call& call) {
    return call_in(session, call, deadline_of(call));
  }
  Reply call_in(std::uint64_t session, const Call& call, const Deadline& deadline);
  /// Starts an asynchronous call. Waits only if it has to open a session, until the call's
  /// deadline. The completion is always called, later, on the callback thread.
  /// @throws unavailable  that thread cannot be started; the completion is not called.
  void start(const Call& call, CompletionPtr completion);
  /// Cancels an asynchronous call; see Session::cancel.
  void cancel(CallTicket ticket, Cancellation kind) noexcept;
  /// Fails a completion whose call could not be started, on the callback thread.
  void refuse(CompletionPtr completion, Failure failure);
  /// Makes all calls in few writes, and waits for all replies.
  void run(std::span<const std::unique_ptr<OwnedCall>> calls);
  /// Calls the completion of a call that is done, with a hold of the objects in its result.
  void complete(std::uint64_t session, OwnedCall& call, HoldRef arrived);
  /// Sends one call if that session still is the present one, and drops the reply. Never waits. The
  /// call is not lost if the connection breaks.
  void start_in(std::uint64_t session, const Method& method, const Params& params) noexcept;
  /// Releases one hold by start_in.
  void release(std::uint64_t session, const std::string& name) noexcept;

  /// Returns the number of the present session; 0 if there is none, or if it is known to be lost.
  std::uint64_t present();
  /// Returns true if that session certainly still exists: see Session::certain.
  bool certain_in(std::uint64_t session);

  /// Returns the number of the present session if it shares memory, else 0. Cost: a few loads.
  std::uint64_t mapped() const;
  /// Asks the server where an object lies in shared memory. Returns null if it does not lie there,
  /// or if the session shares no memory.
  std::unique_ptr<ObjectView> locate(const std::string& name, std::uint64_t session);
  /// Releases a view: no thread will use its words through it any more.
  void unlocate(const ObjectView& view) noexcept;
  /// Returns the owner slot of the calling thread in the session of that view; 0 if none is left or
  /// the session is over. The first use by a thread makes a call.
  std::uint32_t acquire_slot(const ObjectView& view);
  /// Returns the memory of the present session; null if it shares none.
  std::shared_ptr<Mapping> present_mapping();

  /// Returns the present session. Opens one if there is none, by the deadline. Only one thread
  /// opens a session; the others wait for it, and share its failure. @error unavailable
  Expected<std::shared_ptr<Session>> connect(const Deadline& deadline = {},
                                             const Wait& wait = wait_without_cancel);
  /// As connect, without reporting a failure: see adopt_inherited.
  void open_quietly() noexcept;
  Deadline deadline_of(const Call& call) const;

  /// Returns the locks that this process holds.
  Grants& grants();

  /// Calls the listener's callback on the callback thread for each notice of its kind about its
  /// object, in order, and for gaps. The callback must not throw. A forked child inherits no
  /// listeners.
  /// @param start   the method that subscribes the session to the object
  /// @param params  its parameters
  /// @return a number for unfollow. @error any error of that method.
  Expected<std::uint64_t> follow(const ObjectHandle& object, const Method& start,
                                 const Params& params, Notices::Listener listener);
  /// Removes a listener. Its callback may still run once, if it is about to. Never waits. Does
  /// nothing in a forked child. @param stop  the method that unsubscribes the session
  void unfollow(std::uint64_t number, const Method& stop) noexcept;

 private:
  /// Returns the state of this process; makes it at the first use in this process.
  ProcessState& state();
  /// Returns the state of this process; null if there is none yet.
  ProcessState* existing_state() const;
  std::shared_ptr<Session> present_session();
  Reply reply_of(std::uint64_t session, Session::Outcome outcome);
  HoldRef hold_of(std::uint64_t session, const Packed& result);

  const std::string address_text_;
  const SessionPlan plan_;
  std::atomic<ProcessState*> state_{nullptr};
};

/// Returns the owner text of the calling thread, the same for all locks: "t" and a number.
const std::string& thread_owner();
/// Returns an owner text that is new in this process: "g" and a number.
std::string new_owner();

}  // namespace agora::detail
