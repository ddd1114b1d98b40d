// Listener: accepts connections on one TCP address or Unix socket and hands them to the hub.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "server/net/hub.hpp"

namespace agora {

class Listener {
 public:
  virtual ~Listener() = default;
  virtual void start() = 0;
  /// Stops listening; a Unix socket's file is removed.
  virtual void stop() = 0;
  /// "127.0.0.1:7117" or "/run/agora/agora.sock": what the ready line says.
  virtual std::string address() const = 0;
};

/// What a listener tells about things that nobody asked for; one line each.
using LogFn = std::function<void(const std::string&)>;

/// Listens on a loopback address; port 0 takes a free one.
/// @throws std::runtime_error  one clear line: not an address, not loopback, taken.
std::unique_ptr<Listener> listen_tcp(Hub& hub, const std::string& host_and_port, LogFn complain);

/// Listens on a Unix socket (0600, its directory made 0700 if it is missing). A dead socket's file
/// is cleared away; only processes of the server's own user are let in.
/// @throws std::runtime_error  one clear line: a live server is there, no such directory ...
std::unique_ptr<Listener> listen_unix(Hub& hub, const std::string& path, LogFn complain);

}  // namespace agora
