// SPDX-License-Identifier: MIT

// LoginGuard: closes the connections that do not log in, and the connections of removed keys.
#pragma once

#include <string>

#include "server/auth/authenticator.hpp"
#include "server/auth/pending_logins.hpp"
#include "server/net/deadline_timer.hpp"
#include "server/net/listener.hpp"

namespace agora {

class Connection;
class Hub;

class LoginGuard {
 public:
  /// @param key_file  the path of the keys; empty if there are none
  /// @throws OptionError  the key file is refused.
  LoginGuard(Hub& hub, Clock& clock, std::string key_file, const std::string& server, LogFn log);

  /// Returns the port for the engine.
  Authenticator& authenticator() { return authenticator_; }
  bool has_keys() const { return !key_file_.empty(); }

  /// Notes a new connection, which may have to log in.
  void added(Connection& connection);
  /// Notes that a connection has logged in or ended.
  void settled(LinkId link) { pending_.remove(link); }
  /// Closes the connections whose time to log in is over. O(1) if there is none.
  void close_expired();

  /// Reads the key file again. Closes the connections of removed and changed lines. A file that is
  /// refused is logged; then the old keys stay.
  void reload();

 private:
  void set_timer();

  Hub& hub_;
  Clock& clock_;
  std::string key_file_;
  LogFn log_;
  Authenticator authenticator_;
  PendingLogins pending_;
  DeadlineTimer timer_;
  bool timer_set_ = false;
};

}  // namespace agora
