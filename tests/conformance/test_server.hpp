// Links: the ways in which the bytes of a session travel to a server and back.
#pragma once

#include <memory>
#include <string>

#include "server/core/state/catalogue.hpp"
#include "tests/conformance/transport.hpp"

namespace agora::test {

/// The bytes of one session.
class Link {
 public:
  virtual ~Link() = default;
  virtual void send(const std::string& bytes) = 0;
  /// What has arrived since the last time.
  virtual std::string receive() = 0;
  virtual void shut() = 0;
};

/// A server with a clock of its own, and links to it.
class Host {
 public:
  virtual ~Host() = default;
  /// @param speech  in which the session will speak
  virtual std::unique_ptr<Link> connect(Speech speech) = 0;
  /// Lets the server work until nothing moves any more. @return whether anything may have moved.
  virtual bool work() = 0;
  virtual ManualClock& clock() = 0;
  virtual const Catalogue& catalogue() = 0;
};

std::unique_ptr<Host> dialogue_host(const Backend& backend, bool bytewise);
std::unique_ptr<Host> socket_host(const Backend& backend, Wiring wiring);

}  // namespace agora::test
