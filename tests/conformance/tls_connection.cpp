// SPDX-License-Identifier: MIT

#include "tests/conformance/tls_connection.hpp"

#include <openssl/ssl.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/tls/tls_stream.hpp"
#include "tests/support/certificates.hpp"

namespace agora::test {
namespace {

const Authority& authority() {
  static const auto made = [] {
    auto authority = std::make_unique<Authority>();
    authority->issue({.names = {"DNS:localhost"}});
    authority->issue({.name = "client", .names = {"URI:agora:admin"}});
    return authority;
  }();
  return *made;
}

std::unique_ptr<TlsStream> client_stream() {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_load_verify_locations(context, authority().path().c_str(), nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_use_certificate_chain_file(context, authority().certificate("client").c_str());
  SSL_CTX_use_PrivateKey_file(context, authority().key("client").c_str(), SSL_FILETYPE_PEM);
  auto stream = std::make_unique<TlsStream>(SSL_new(context));
  SSL_CTX_free(context);
  SSL_set1_host(stream->ssl(), "localhost");
  SSL_set_connect_state(stream->ssl());
  return stream;
}

class TlsConnection : public ClientConnection {
 public:
  TlsConnection(int fd, const std::function<void()>& poll) : fd_(fd), stream_(client_stream()) {
    TlsStream::State state = TlsStream::State::more;
    for (int round = 0; state == TlsStream::State::more; ++round) {
      const std::string from = receive_raw();
      std::string_view rest = from;
      state = stream_->handshake(rest, unsent_);
      send_unsent();
      if (state == TlsStream::State::more) poll();
      if (round > 100'000) throw std::runtime_error("the server does not go on with the handshake");
    }
    if (state != TlsStream::State::done) throw std::runtime_error(stream_->problem());
    poll();
  }
  ~TlsConnection() override { ::close(fd_); }

  void send(const std::string& bytes) override {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    if (stream_->seal({&part, 1}, bytes.size(), unsent_) != bytes.size()) {
      throw std::runtime_error("cannot encrypt");
    }
    send_unsent();
  }
  std::string receive() override {
    const std::string from = receive_raw();
    std::string_view rest = from;
    std::string all;
    for (;;) {
      char space[4096];
      const TlsStream::Opened opened = stream_->open(rest, space, unsent_);
      if (opened.bytes == 0) return all;
      all.append(space, opened.bytes);
    }
  }
  void shut_down() override {
    stream_->close(unsent_);
    send_unsent();
    ::shutdown(fd_, SHUT_WR);
  }

 private:
  std::string receive_raw() const {
    std::string bytes(65536, '\0');
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  void send_unsent() {
    while (!unsent_.empty()) {
      const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
      if (sent < 0) throw std::runtime_error("cannot send");
      unsent_.erase(0, static_cast<std::size_t>(sent));
    }
  }

  int fd_;
  std::unique_ptr<TlsStream> stream_;
  std::string unsent_;
};

}  // namespace

TlsFiles tls_test_files() {
  return {.certificate = authority().certificate("server"),
          .key = authority().key("server"),
          .client_ca = authority().path()};
}

std::unique_ptr<ClientConnection> open_tls_connection(int fd, const std::function<void()>& poll) {
  return std::make_unique<TlsConnection>(fd, poll);
}

}  // namespace agora::test
