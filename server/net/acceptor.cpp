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

#include <asio/post.hpp>

#include "server/net/connection.hpp"
#include "server/net/secret.hpp"
#include "server/net/tls_service.hpp"

namespace agora {
namespace {

/// Connections accepted in one pass: a flood of new clients must not starve the connected ones.
constexpr int kAcceptsMax = 64;
/// Back-off after a failure that lasts, such as no descriptors left.
constexpr std::chrono::milliseconds kBackOff{100};

Descriptor reserve() { return Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

Descriptor accept_from(ListeningSocket& listening) {
  return Descriptor{
      ::accept4(listening.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
}

}  // namespace

Acceptor::Acceptor(Hub& hub, ListeningSocket listening, IdentifyPeer identify, LogFn log)
    : hub_(hub),
      listening_(std::move(listening)),
      protocol_(listening_.local_endpoint().protocol()),
      reserve_(reserve()),
      retry_(hub.io()),
      identify_(std::move(identify)),
      log_(std::move(log)) {
  hub_.speculative_poll().watch_acceptor(listening_.native_handle());
}

void Acceptor::start() {
  listening_.async_wait(ListeningSocket::wait_read,
                        [this, alive = std::weak_ptr{alive_}](const std::error_code& error) {
                          if (!error && !alive.expired()) accept_all();
                        });
}

void Acceptor::stop() {
  hub_.speculative_poll().forget_acceptor(listening_.native_handle());
  std::error_code ignored;
  listening_.close(ignored);
  retry_.cancel();
}

void Acceptor::accept_all() {
  for (int i = 0; i < kAcceptsMax && listening_.is_open(); ++i) {
    Descriptor socket = accept_from(listening_);
    if (socket.is_open()) {
      try {
        accept_one(std::move(socket));
      } catch (const std::bad_alloc&) {
        // The client sees its connection end, and may try again; the acceptor goes on.
      }
    } else if (errno == EAGAIN) {
      return start();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return back_off();
    }
  }
  if (!listening_.is_open()) return;
  asio::post(hub_.io(), [this, alive = std::weak_ptr{alive_}] {
    if (!alive.expired()) accept_all();
  });
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
  StreamSocket connected{hub_.io()};
  std::error_code error;
  connected.assign(protocol_, socket.get(), error);
  if (error) return log_("refused a connection: " + error.message());
  socket.release();
  if (peer->tls_only && hub_.tls() != nullptr) {
    return hub_.tls()->begin(std::move(connected), std::move(*peer));
  }
  hub_.add(std::make_shared<Connection>(hub_, std::move(connected), std::move(*peer)));
}

void Acceptor::back_off() {
  log_(std::string{"cannot accept a connection: "} + std::strerror(errno));
  reserve_.close();
  accept_from(listening_).close();
  reserve_ = reserve();
  retry_.expires_after(kBackOff);
  retry_.async_wait([this, alive = std::weak_ptr{alive_}](const std::error_code& error) {
    if (!error && !alive.expired()) accept_all();
  });
}

}  // namespace agora
