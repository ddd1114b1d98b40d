// Acceptor: the loop that both listeners share: accept, refuse politely when there are too many,
// and neither spin nor stop when the process runs out of descriptors.
#pragma once

#include <chrono>
#include <fcntl.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include <asio/steady_timer.hpp>

#include "server/net/connection.hpp"
#include "server/net/listener.hpp"
#include "server/net/secret.hpp"

namespace agora {

/// One descriptor kept back: given up for a moment so that a connection that cannot be served is
/// closed rather than left to hang.
class SpareDescriptor {
 public:
  SpareDescriptor() { reopen(); }
  ~SpareDescriptor() { give_up(); }
  SpareDescriptor(const SpareDescriptor&) = delete;
  SpareDescriptor& operator=(const SpareDescriptor&) = delete;
  void give_up() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void reopen() { fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

 private:
  int fd_ = -1;
};

template <typename Protocol>
class Acceptor {
 public:
  using Socket = typename Protocol::socket;
  /// Says who is at the other end; nothing: not to be let in.
  using Introduce = std::function<std::optional<Peer>(Socket&)>;

  Acceptor(Hub& hub, typename Protocol::acceptor acceptor, Introduce introduce, Complain complain)
      : hub_(hub),
        acceptor_(std::move(acceptor)),
        retry_(hub.io()),
        introduce_(std::move(introduce)),
        complain_(std::move(complain)) {}

  void accept() {
    acceptor_.async_accept([this](const asio::error_code& error, Socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) return fail(error);
      welcome(std::move(socket));
      accept();
    });
  }
  void stop() {
    asio::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  }

 private:
  void welcome(Socket socket) {
    std::optional<Peer> peer = introduce_(socket);
    if (!peer) return;
    const std::size_t most = hub_.hall().engine.limits().connections_max;
    if (hub_.size() >= most) {
      static constexpr std::string_view kFull =
          "Overloaded: the server has all the connections that it allows\n";
      asio::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(kFull), ignored);
      return complain_("refused a connection: " + std::to_string(most) + " are open");
    }
    peer->secret = random_secret();
    hub_.add(std::make_shared<Connection>(hub_, std::move(socket), std::move(*peer)));
  }

  void fail(const asio::error_code& error) {
    complain_("cannot accept a connection: " + error.message());
    spare_.give_up();
    asio::error_code ignored;
    Socket closed_at_once{hub_.io()};
    acceptor_.non_blocking(true, ignored);
    acceptor_.accept(closed_at_once, ignored);
    closed_at_once.close(ignored);
    spare_.reopen();
    retry_.expires_after(std::chrono::milliseconds{100});
    retry_.async_wait([this](const asio::error_code& stopped) {
      if (!stopped) accept();
    });
  }

  Hub& hub_;
  typename Protocol::acceptor acceptor_;
  asio::steady_timer retry_;
  Introduce introduce_;
  Complain complain_;
  SpareDescriptor spare_;
};

}  // namespace agora
