// SPDX-License-Identifier: MIT

// Listener: accepts connections on one TCP address or Unix socket and hands them to the hub.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/net/hub.hpp"

namespace agora {

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void start() = 0;
  /// Stops listening; a Unix socket's file is removed.
  virtual void stop() = 0;
  /// Returns the address as in the ready line: "127.0.0.1:7117" or "/run/agora/agora.sock".
  virtual std::string address() const = 0;
};

/// An option that no other state of the system would make valid.
struct OptionError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The bytes that a TCP address takes.
struct TcpPolicy {
  bool beyond_loopback = false;   ///< clients prove who they are, so other hosts may connect
  bool plain_on_loopback = true;  ///< plain text is served on a loopback address
  bool plain_on_others = false;   ///< plain text is served on any other address
  bool login = false;             ///< clients have to log in, by a key or a certificate
};

/// Listens on an address; port 0 takes any free port.
/// @throws OptionError  with one line: not an address, or one that the policy forbids.
/// @throws std::runtime_error  with one line: in use ...
/// Returns a listener for each IP address that a name stands for, and one for any other host.
std::vector<std::unique_ptr<Listener>> listen_tcp(Hub& hub, const std::string& host_and_port,
                                                  TcpPolicy policy = {});

/// Listens on a Unix socket (mode 0600; a missing directory is created with 0700), whose path it
/// locks; see socket_file.hpp. Accepts processes of the server's own user and of root as `admin`.
/// @param group  the members of this group are accepted as `write`; the modes are then 0660 and
///   0710. Empty: no group.
/// @throws OptionError  there is no such group.
/// @throws std::runtime_error  with one line: another server listens there, no such directory ...
std::unique_ptr<Listener> listen_unix(Hub& hub, const std::string& path,
                                      const std::string& group = {});

}  // namespace agora
