// SPDX-License-Identifier: MIT

#include "server/net/acceptor.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include "server/net/connection.hpp"
#include "server/net/secret.hpp"

namespace agora {
namespace {

/// Connections accepted in one pass: a flood of new clients must not starve the connected ones.
constexpr int kAcceptsMax = 64;
/// Back-off after a failure that lasts, such as no descriptors left.
constexpr std::chrono::milliseconds kBackOff{100};

Descriptor reserve() { return Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

Descriptor accept_from(const Descriptor& listening) {
  return Descriptor{::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
}

}  // namespace

Acceptor::Acceptor(Hub& hub, Descriptor listening, IdentifyPeer identify, LogFn log)
    : hub_(hub),
      listening_(std::move(listening)),
      reserve_(reserve()),
      retry_(hub.loop(), [this] { start(); }),
      identify_(std::move(identify)),
      log_(std::move(log)) {}

void Acceptor::start() { hub_.loop().add(listening_.get(), EPOLLIN | EPOLLET, *this); }

void Acceptor::stop() {
  if (!listening_.is_open()) return;
  hub_.loop().remove(listening_.get(), *this);
  listening_.close();
  retry_.cancel();
}

void Acceptor::on_ready(std::uint32_t) {
  for (int i = 0; i < kAcceptsMax && listening_.is_open(); ++i) {
    Descriptor socket = accept_from(listening_);
    if (socket.is_open()) {
      accept_one(std::move(socket));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return back_off();
    }
  }
  if (listening_.is_open()) hub_.loop().post([this] { on_ready(EPOLLIN); });
}

void Acceptor::accept_one(Descriptor socket) {
  std::optional<Peer> peer = identify_(socket.get());
  if (!peer) return;
  const std::size_t most = hub_.context().engine.limits().connections_max;
  if (hub_.size() >= most) {
    static constexpr std::string_view kFull =
        "Overloaded: the server has all the connections that it allows\n";
    static_cast<void>(::send(socket.get(), kFull.data(), kFull.size(), MSG_NOSIGNAL));
    return log_("refused a connection: " + std::to_string(most) + " are open");
  }
  peer->secret = random_secret();
  try {
    hub_.add(std::make_shared<Connection>(hub_, std::move(socket), std::move(*peer)));
  } catch (const std::exception& error) {  // no memory, or epoll refuses it
    log_(std::string{"refused a connection: "} + error.what());
  }
}

void Acceptor::back_off() {
  log_(std::string{"cannot accept a connection: "} + std::strerror(errno));
  reserve_.close();
  accept_from(listening_).close();
  reserve_ = reserve();
  hub_.loop().remove(listening_.get(), *this);
  retry_.set(std::chrono::steady_clock::now() + kBackOff);
}

}  // namespace agora
