// Client: what all copies of a manager and all its proxies share.
//
// What it knows about the server never changes; all that has state hangs on one atomic pointer
// with the epoch of its process. A forked child finds a foreign epoch there, leaves the old state
// alone (its locks may be held by threads that do not exist here) and begins anew.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <agora/detail/handle.hpp>
#include <agora/options.hpp>

#include "client/src/client/callback_thread.hpp"
#include "client/src/client/grants.hpp"
#include "client/src/client/notices.hpp"
#include "client/src/session/session.hpp"
#include "client/src/transport/address.hpp"

namespace agora::detail {

class Client : public std::enable_shared_from_this<Client> {
 public:
  /// @param server_gone  tells that the server's process has ended, where that can be known
  Client(std::string address_text, Address address, manager_options options,
         std::function<bool()> server_gone = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& address_text() const { return address_text_; }
  const Address& address() const { return plan_.address; }

  /// Makes one call, opening a session first if there is none. A call that finds the session lost
  /// before anything of it was sent is made again in a new one, once.
  /// @error unavailable, timeout, session_lost, and whatever the server answers.
  Reply call(const Call& call) { return this->call(call, deadline_of(call)); }
  Reply call(const Call& call, const Deadline& deadline);
  /// Makes one call only in that session.
  /// @error session_lost  it is not the present one any more; nothing was sent.
  Reply call_in(std::uint64_t session, const Call& call) {
    return call_in(session, call, deadline_of(call));
  }
  Reply call_in(std::uint64_t session, const Call& call, const Deadline& deadline);
  /// Makes one call without waiting for its reply; only to open a session it may wait, until the
  /// call's deadline. The completion is told later and on the callback thread, whatever happens.
  /// @throws unavailable  there can be no such thread; the completion is not told.
  void start(const Call& call, std::unique_ptr<Completion> completion);
  /// Tells a completion, in the same way, that its call could not be made.
  void refuse(std::unique_ptr<Completion> completion, Failure failure);
  /// Makes calls in few writes and waits for all replies.
  void run(std::span<const std::unique_ptr<OwnedSlot>> calls);
  /// Tells the completion of a call that is done.
  void complete(std::uint64_t session, OwnedSlot& call, HoldRef arrived);
  /// Makes one call in that session, if it still is the present one, for whose reply nobody asks.
  /// Does not wait; a broken connection does not lose it.
  void start_in(std::uint64_t session, const Method& method, const Params& params) noexcept;
  /// Gives one hold back in the same way.
  void release(std::uint64_t session, const std::string& name) noexcept;

  /// The number of the present session; 0 if there is none, or if it is known to be lost.
  std::uint64_t present();
  /// Whether that session is certain to live: see Session::certain.
  bool certain_in(std::uint64_t session);

  /// The number of the present session if it shares memory; else 0. Cost: a few loads.
  std::uint64_t mapped() const;
  /// Asks where an object lies. Null: this object, or this session, has nothing to look at.
  std::unique_ptr<ObjectView> locate(const std::string& name, std::uint64_t session);
  /// A view goes: its words will not be touched any more through it.
  void unlocate(const ObjectView& view) noexcept;
  /// The slot of the calling thread in lock words of that view's session; 0: none is left, or
  /// the session is over. The first time it is a call.
  std::uint32_t acquire_slot(const ObjectView& view);
  /// The memory of the present session; null: none.
  std::shared_ptr<Mapping> present_mapping();

  /// Opens a session if there is none, by the deadline. One thread does; others wait for it, and
  /// share its failure. @error unavailable
  Expected<std::shared_ptr<Session>> connect(const Deadline& deadline = {},
                                             const Wait& wait = wait_patiently);
  /// The same, silent: see adopt_inherited.
  void open_quietly() noexcept;
  Deadline deadline_of(const Call& call) const;

  // The grants of this process's threads. Callbacks that fall due run on the callback thread.
  void granted(const std::string& name, const std::string& owner, const Grant& grant);
  std::optional<Grant> grant(const std::string& name, const std::string& owner);
  void ungranted(const std::string& name, const std::string& owner);
  bool deepen(const std::string& name, const std::string& owner);
  std::uint32_t leave(const std::string& name, const std::string& owner);
  void set_token(const std::string& name, const std::string& owner, std::uint64_t token);
  void on_lost(const std::string& name, Grants::Callback callback);
  /// How many of them are lost, and not given back yet; stays where it is.
  const std::atomic<std::uint32_t>& lost_grants();

  /// Calls the listener's callback on the callback thread for each notice of its kind about its
  /// object, in order, and for gaps. It must not throw. A forked child begins without.
  /// @param start  the method by which the session begins to hear of the object
  /// @return a number for unfollow. @error what the server answers.
  Expected<std::uint64_t> follow(const Handle& object, const Method& start,
                                 Notices::Listener listener);
  /// After it the callback may still run once, if it is about to. Does not wait; nothing in a
  /// forked child. @param stop  the method by which the session hears no more
  void unfollow(std::uint64_t number, const Method& stop) noexcept;

 private:
  struct Live;

  Live& live();
  Live* live_here() const;
  std::shared_ptr<Session> present_session();
  Expected<std::shared_ptr<Session>> open(Live& here, const Deadline& deadline, const Wait& wait);
  void need_callback_thread(Live& here);
  Reply reply_of(std::uint64_t session, Session::Outcome outcome);
  HoldRef hold_of(std::uint64_t session, const Packed& result);

  const std::string address_text_;
  const SessionPlan plan_;
  std::atomic<Live*> live_{nullptr};
};

/// The calling thread's owner text, the same for all locks: "t" and a number.
const std::string& thread_owner();
/// An owner text that nobody had in this process: "g" and a number.
std::string new_owner();

}  // namespace agora::detail
