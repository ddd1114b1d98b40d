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

#include <agora/handle.hpp>
#include <agora/options.hpp>

#include "client/src/address.hpp"
#include "client/src/connection.hpp"
#include "client/src/grants.hpp"

namespace agora::client {

class Client {
 public:
  Client(std::string address_text, Address address, manager_options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  const std::string& address_text() const { return address_text_; }
  const Address& address() const { return address_; }

  /// Makes one call, connecting first if there is no connection. A call that finds the connection
  /// lost before anything of it was sent is made again on a new one, once.
  /// @error unavailable, timeout, and whatever the server answers.
  Reply call(const Call& call);
  /// Makes one call only on that connection.
  /// @error session_lost  it is not the present one any more; nothing was sent.
  Reply call_on(std::uint64_t connection, const Call& call);
  /// Sends a notification on that connection if it still is the present one. Best effort.
  void notify_on(std::uint64_t connection, const std::string& message) noexcept;

  /// The number of the present connection; 0 if there is none, or if it is known to be lost.
  std::uint64_t present();
  /// Like present(), and looks whether the server is still there.
  bool alive_on(std::uint64_t connection);

  /// Connects if there is no connection. @error unavailable
  Expected<std::shared_ptr<Connection>> connect();
  /// The same, silent: see adopt_inherited.
  void open_quietly() noexcept;

  // The grants of this process's threads. Callbacks that fall due run here, on this thread.
  void granted(const std::string& name, const std::string& owner, const Grant& grant);
  std::optional<Grant> grant(const std::string& name, const std::string& owner);
  void ungranted(const std::string& name, const std::string& owner);
  void on_lost(const std::string& name, Grants::Callback callback);

 private:
  struct Live;

  Live& live();
  Live* live_here() const;
  std::shared_ptr<Connection> present_connection();
  Expected<std::shared_ptr<Connection>> dial(Live& here);
  Connection::Outcome call_through(Connection& connection, const Call& call,
                                   const Deadline& deadline);
  void note_loss(std::uint64_t connection);
  Deadline deadline_of(const Call& call) const;

  const std::string address_text_;
  const Address address_;
  const manager_options options_;
  std::atomic<Live*> live_{nullptr};
};

/// The calling thread's owner text, the same for all locks: "t" and a number.
const std::string& thread_owner();

}  // namespace agora::client
