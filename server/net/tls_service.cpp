// SPDX-License-Identifier: MIT

#include "server/net/tls_service.hpp"

#include <array>
#include <cerrno>
#include <exception>
#include <new>
#include <utility>

#include <asio/post.hpp>

#include "server/net/connection.hpp"
#include "server/net/hub.hpp"
#include "server/net/login_guard.hpp"
#include "shared/net/nonblocking.hpp"

namespace agora {
namespace {

/// The bytes that are read for one step: more than a client's messages have without a chain of
/// certificates.
constexpr std::size_t kStepBytes = std::size_t{16} << 10;

constexpr RepeatedEvent kFailed{"failed", "TLS handshakes"};

}  // namespace

/// One handshake. Its handlers own it; the service holds it until it is finished.
class TlsService::Handshake : public std::enable_shared_from_this<Handshake> {
 public:
  Handshake(TlsService& service, StreamSocket socket, Peer peer)
      : service_(service),
        socket_(std::move(socket)),
        peer_(std::move(peer)),
        channel_(std::make_unique<TlsChannel>()),
        timer_(service.hub_.io(), kHandshakeMax) {
    channel_->stream = service.context_.accept();
  }

  void start() {
    timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
      if (!error) self->fail("it took longer than 10 s");
    });
    read();
  }
  void close() {
    std::error_code ignored;
    socket_.close(ignored);
    timer_.cancel();
  }
  void compute();

 private:
  void wait(StreamSocket::wait_type event) {
    socket_.async_wait(event, [self = shared_from_this()](const std::error_code&) {
      if (self->socket_.is_open()) self->go_on();
    });
  }
  void go_on() {
    if (!send()) return;
    read();
  }
  bool send();
  void read();
  void refuse_plain();
  void refuse_roleless();
  void finish();
  void fail(const std::string& reason);

  TlsService& service_;
  StreamSocket socket_;
  Peer peer_;
  std::unique_ptr<TlsChannel> channel_;
  SteadyTimer timer_;
  std::string arrived_;  // bytes of the client for the next step
  bool begun_ = false;   // its first byte was that of TLS
};

/// Sends the records of the last step. @return false if the kernel takes no more for now, or the
/// handshake is over
bool TlsService::Handshake::send() {
  std::string& unsent = channel_->unsent;
  while (!unsent.empty()) {
    const iovec all[] = {{unsent.data(), unsent.size()}};
    const ssize_t sent = send_nonblocking(socket_.native_handle(), all);
    if (sent >= 0) {
      unsent.erase(0, static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait(StreamSocket::wait_write);
      return false;
    } else if (errno != EINTR) {
      fail("the client has gone");
      return false;
    }
  }
  return true;
}

void TlsService::Handshake::read() {
  std::array<char, kStepBytes> space;
  const ssize_t got = receive_nonblocking(socket_.native_handle(), space);
  if (got > 0 && !begun_ && space[0] != kTlsBegins) {
    refuse_plain();
  } else if (got > 0) {
    begun_ = true;
    arrived_.append(space.data(), static_cast<std::size_t>(got));
    service_.compute_soon(shared_from_this());
  } else if (got < 0 && errno == EAGAIN) {
    wait(StreamSocket::wait_read);
  } else {
    fail("the client has closed the connection");
  }
}

void TlsService::Handshake::refuse_plain() {
  std::string line =
      "Unauthenticated: this address takes TLS only: connect to tls://HOST:PORT, or by openssl "
      "s_client -quiet -connect HOST:PORT\n";
  const iovec all[] = {{line.data(), line.size()}};
  static_cast<void>(send_nonblocking(socket_.native_handle(), all));
  fail("the client sent plain text");
}

void TlsService::Handshake::compute() {
  if (!socket_.is_open()) return;
  std::string_view from = arrived_;
  const TlsStream::State state = channel_->stream->handshake(from, channel_->unsent);
  arrived_.erase(0, arrived_.size() - from.size());
  switch (state) {
    case TlsStream::State::done:
      return finish();
    case TlsStream::State::more:
      return go_on();
    case TlsStream::State::closed:
    case TlsStream::State::failed:
      // The alert leaves with one attempt.
      const iovec alert[] = {{channel_->unsent.data(), channel_->unsent.size()}};
      static_cast<void>(send_nonblocking(socket_.native_handle(), alert));
      return fail(channel_->stream->problem());
  }
}

/// Refuses a client whose certificate, the only proof that is asked for, gives no role.
void TlsService::Handshake::refuse_roleless() {
  const std::string line = "Unauthenticated: the client certificate (" + peer_.tls->subject +
                           ") gives no role: its alternative names need a URI agora:read, "
                           "agora:write or agora:admin\n";
  const iovec plain[] = {{const_cast<char*>(line.data()), line.size()}};
  channel_->stream->seal(plain, line.size(), channel_->unsent);
  channel_->stream->close(channel_->unsent);
  const iovec all[] = {{channel_->unsent.data(), channel_->unsent.size()}};
  static_cast<void>(send_nonblocking(socket_.native_handle(), all));
  fail("the client's certificate (" + peer_.tls->subject + ") gives no role");
}

void TlsService::Handshake::finish() {
  timer_.cancel();
  peer_.tls = TlsContext::peer_of(*channel_->stream);
  peer_.transport = "tls";
  Hub& hub = service_.hub_;
  if (hub.logins() != nullptr) hub.logins()->authenticator().identify(peer_);
  if (peer_.role == Role::none && service_.context_.requires_clients()) return refuse_roleless();
  const auto connection =
      std::make_shared<Connection>(hub, std::move(socket_), std::move(peer_), std::move(channel_));
  service_.handshakes_.erase(shared_from_this());
  hub.add(connection);
  connection->take_early(arrived_);
}

void TlsService::Handshake::fail(const std::string& reason) {
  service_.hub_.events().repeated(kFailed,
                                  "TLS handshake with " + peer_.host + " failed: " + reason);
  close();
  service_.handshakes_.erase(shared_from_this());
}

TlsService::TlsService(Hub& hub, TlsContext context) : hub_(hub), context_(std::move(context)) {}

TlsService::~TlsService() = default;

void TlsService::begin(StreamSocket socket, Peer peer) {
  const auto made = std::make_shared<Handshake>(*this, std::move(socket), std::move(peer));
  handshakes_.insert(made);
  made->start();
}

void TlsService::reload() {
  try {
    context_.reload();
    hub_.events().line("read the TLS certificates again");
  } catch (const std::exception& error) {
    hub_.events().line(std::string{"the TLS certificates stay as they were: "} + error.what());
  }
}

void TlsService::close_all() {
  for (const auto& handshake : handshakes_) handshake->close();
  handshakes_.clear();
  ready_.clear();
}

std::span<char> TlsService::room() {
  if (room_.empty()) room_.resize(kReadBytes);
  return room_;
}

void TlsService::compute_soon(std::shared_ptr<Handshake> handshake) {
  ready_.push_back(std::move(handshake));
  if (!std::exchange(posted_, true)) post();
}

/// Computes one step behind all handlers that are ready now.
void TlsService::post() {
  asio::post(hub_.io(), [this] {
    posted_ = false;
    if (ready_.empty()) return;
    const std::shared_ptr<Handshake> next = std::move(ready_.front());
    ready_.pop_front();
    if (!ready_.empty()) post(), posted_ = true;
    try {
      next->compute();
    } catch (const std::bad_alloc&) {
      next->close();
      handshakes_.erase(next);
    }
  });
}

}  // namespace agora
