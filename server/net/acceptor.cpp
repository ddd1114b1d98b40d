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
/// Clients held while the server is full. They need descriptors, of which few are left.
constexpr std::size_t kHeldMax = 16;
/// Back-off after a failure that lasts, such as no descriptors left.
constexpr std::chrono::milliseconds kBackOff{100};
/// The pause after a refusal: a flood of clients to a full server costs others a tenth of the time
/// at most.
constexpr std::chrono::milliseconds kRefusalPause{10};

constexpr RepeatedEvent kRefused{"refused", "connections"};
constexpr RepeatedEvent kFailed{"failed to accept", "connections"};

Descriptor reserve() { return Descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)}; }

Descriptor accept_from(ListeningSocket& listening) {
  return Descriptor{
      ::accept4(listening.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
}

/// Tells the client why it is refused. It sees that, or the end of its connection.
void tell(const Descriptor& client, std::string_view reason) {
  const std::string line = "Overloaded: " + std::string{reason} + "\n";
  static_cast<void>(::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL));
}

bool lasts(int problem) { return problem != EAGAIN && problem != EINTR && problem != ECONNABORTED; }

}  // namespace

Acceptor::Acceptor(Hub& hub, ListeningSocket listening, IdentifyPeer identify, std::ptrdiff_t kept)
    : hub_(hub),
      listening_(std::move(listening)),
      protocol_(listening_.local_endpoint().protocol()),
      reserve_(reserve()),
      retry_(hub.io()),
      identify_(std::move(identify)),
      kept_(kept) {
  hub_.speculative_poll().watch_acceptor(listening_.native_handle());
}

void Acceptor::start() {
  listening_.async_wait(ListeningSocket::wait_read,
                        [this, alive = std::weak_ptr{alive_}](const std::error_code& error) {
                          if (!error && !alive.expired()) enter(&Acceptor::accept_some);
                        });
}

/// Takes a step. If there is no memory for it, the acceptor goes on later.
void Acceptor::enter(void (Acceptor::*step)()) {
  try {
    (this->*step)();
  } catch (const std::bad_alloc&) {
    go_on_after(kBackOff);
    throw;
  }
}

void Acceptor::stop() {
  hub_.speculative_poll().forget_acceptor(listening_.native_handle());
  std::error_code ignored;
  listening_.close(ignored);
  retry_.cancel();
  held_.clear();
}

void Acceptor::accept_all() {
  if (held_.empty()) enter(&Acceptor::accept_some);
}

/// Accepts clients until none is left, the server is full, or others are to have their turn.
void Acceptor::accept_some() {
  if (!held_.empty()) return place_held();  // the last step had no memory
  for (int i = 0; i < kAcceptsMax && listening_.is_open(); ++i) {
    if (hub_.is_full(kept_)) {
      if (!accept_to_hold()) return;
      hub_.reap_closed();
      return place_held();
    }
    Descriptor socket = accept_from(listening_);
    if (socket.is_open()) {
      accept_one(std::move(socket));
    } else if (errno == EAGAIN) {
      return start();
    } else if (lasts(errno)) {
      return back_off(errno);
    }
  }
  if (listening_.is_open()) post(&Acceptor::accept_some);
}

/// Accepts some clients before the look for closed connections. @return whether there are any
bool Acceptor::accept_to_hold() {
  while (held_.size() < kHeldMax) {
    Descriptor socket = accept_from(listening_);
    if (socket.is_open()) {
      held_.push_back(std::move(socket));
    } else if (lasts(errno) && held_.empty()) {
      back_off(errno);
      return false;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      break;
    }
  }
  if (held_.empty()) start();
  return !held_.empty();
}

/// Accepts the held clients for which there is room by now. The others wait while connections are
/// about to close, and are refused then.
void Acceptor::place_held() {
  while (!held_.empty() && !hub_.is_full(kept_)) {
    auto next = held_.begin();
    for (; next != held_.end() && !hub_.is_full(kept_); ++next) accept_one(std::move(*next));
    held_.erase(held_.begin(), next);
    if (!held_.empty()) hub_.reap_closed();  // those that were placed may have left too
  }
  if (!listening_.is_open()) return;
  if (held_.empty()) return post(&Acceptor::accept_some);
  if (hub_.is_reaping()) return post(&Acceptor::place_held);
  refuse_held();
}

void Acceptor::refuse_held() {
  for (const Descriptor& socket : held_) {
    tell(socket, "the server has all the connections that it allows");
    hub_.events().repeated(kRefused,
                           "refused a connection: " + std::to_string(hub_.size()) + " are open");
  }
  held_.clear();
  go_on_after(kRefusalPause);
}

/// Makes a connection of the socket. Without memory for it the client sees its connection end, and
/// may try again; the acceptor goes on.
void Acceptor::accept_one(Descriptor socket) {
  try {
    std::optional<Peer> peer = identify_(socket.get());
    if (!peer) return;
    peer->secret = random_secret();
    StreamSocket connected{hub_.io()};
    std::error_code error;
    connected.assign(protocol_, socket.get(), error);
    if (error) {
      return hub_.events().repeated(kRefused, "refused a connection: " + error.message());
    }
    socket.release();
    if (peer->tls_only && hub_.tls() != nullptr) {
      return hub_.tls()->begin(std::move(connected), std::move(*peer));
    }
    hub_.add(std::make_shared<Connection>(hub_, std::move(connected), std::move(*peer)));
  } catch (const std::bad_alloc&) {
  }
}

/// Tries again if connections have left, whose descriptors are free then. Else it refuses one
/// client and pauses: the others stay in the backlog.
void Acceptor::back_off(int problem) {
  const std::size_t before = hub_.size();
  hub_.reap_closed();
  if (hub_.size() < before) return post(&Acceptor::accept_some);
  hub_.events().repeated(kFailed,
                         std::string{"cannot accept a connection: "} + std::strerror(problem));
  reserve_.close();
  if (const Descriptor last = accept_from(listening_); last.is_open()) {
    tell(last, std::string{"the server cannot accept a connection: "} + std::strerror(problem));
  }
  reserve_ = reserve();
  go_on_after(kBackOff);
}

void Acceptor::go_on_after(std::chrono::milliseconds pause) {
  if (!listening_.is_open()) return;
  retry_.expires_after(pause);
  retry_.async_wait([this, alive = std::weak_ptr{alive_}](const std::error_code& error) {
    if (!error && !alive.expired()) enter(&Acceptor::accept_some);
  });
}

/// Takes a step after the handlers that are ready.
void Acceptor::post(void (Acceptor::*step)()) {
  asio::post(hub_.io(), [this, alive = std::weak_ptr{alive_}, step] {
    if (!alive.expired()) enter(step);
  });
}

}  // namespace agora
