// SPDX-License-Identifier: MIT

#include <arpa/inet.h>
#include <cerrno>
#include <fstream>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/app/server.hpp"
#include "server/objects/types.hpp"
#include "tests/conformance/login_keys.hpp"
#include "tests/conformance/ring_connection.hpp"
#include "tests/conformance/test_server.hpp"
#include "tests/conformance/tls_connection.hpp"

namespace agora::test {
namespace {

class SocketConnection : public ClientConnection {
 public:
  explicit SocketConnection(int fd) : fd_(fd) {}
  ~SocketConnection() override { ::close(fd_); }
  void send(const std::string& bytes) override {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n < 0) throw std::runtime_error("cannot send");
      sent += static_cast<std::size_t>(n);
    }
  }
  std::string receive() override {
    std::string bytes(65536, '\0');
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  void shut_down() override { ::shutdown(fd_, SHUT_WR); }

 private:
  int fd_;
};

/// Removes the directory at its end. Declared before its users, which remove their files first.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    if (::mkdtemp(path_) == nullptr) throw std::runtime_error("no temporary directory");
  }
  ~TemporaryDirectory() {
    ::unlink(key_file().c_str());
    ::rmdir(path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  std::string path() const { return path_; }
  std::string key_file() const { return path() + "/keys"; }

 private:
  char path_[32] = "/tmp/agora-test-XXXXXX";
};

class SocketServer : public TestServer {
 public:
  SocketServer(const Backend& backend, ConnectionKind kind)
      : kind_(kind),
        journal_(make_journal(backend)),
        catalogue_(all_types()),
        server_(options(backend)) {}

  std::unique_ptr<ClientConnection> connect(WireFormat format) override {
    const bool tcp = kind_ == ConnectionKind::tcp || kind_ == ConnectionKind::tls;
    const int fd = tcp ? connect_tcp() : connect_unix();
    for (int i = 0; i < 4; ++i) server_.poll();  // accept in the order of the connects
    if (kind_ == ConnectionKind::tls) return open_tls_connection(fd, [this] { poll(); });
    if (kind_ != ConnectionKind::rings) return std::make_unique<SocketConnection>(fd);
    return open_ring_connection(Descriptor{fd}, *make_codec(format, catalogue_),
                                [this] { poll(); });
  }
  bool poll() override {
    std::size_t moved = 0;
    for (int i = 0; i < 8; ++i) moved += server_.poll();
    return moved > 0;
  }
  ManualClock& clock() override { return clock_; }
  const Catalogue& catalogue() override { return catalogue_; }

 private:
  ServerOptions options(const Backend& backend) {
    ServerOptions made;
    made.tcp.reset();
    if (kind_ == ConnectionKind::tls) made.tls = tls_test_files();
    if (kind_ == ConnectionKind::tcp || kind_ == ConnectionKind::tls) {
      made.tcp = "127.0.0.1:0";
    } else {
      made.unix_path = directory_.path() + "/agora.sock";
    }
    if (backend.keys) {
      std::ofstream{directory_.key_file()} << key_file_text();
      ::chmod(directory_.key_file().c_str(), 0600);
      made.key_file = directory_.key_file();
    }
    made.shared_memory = backend.memfd;
    made.limits = backend.limits();
    made.clock = &clock_;
    made.journal = journal_.get();
    return made;
  }
  int connect_unix() {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    server_.unix_address().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect to the Unix socket");
    }
    return fd;
  }
  int connect_tcp() {
    const std::string text = server_.tcp_address();
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect by TCP");
    }
    // Nagle's algorithm would hold a second call back until the first one, which waits, is
    // acknowledged.
    const int no_delay = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
    return fd;
  }

  ConnectionKind kind_;
  TemporaryDirectory directory_;  // before the server, which removes its socket first
  ManualClock clock_;
  std::unique_ptr<Journal> journal_;
  Catalogue catalogue_;
  Server server_;
};

}  // namespace

std::unique_ptr<TestServer> socket_server(const Backend& backend, ConnectionKind kind) {
  return std::make_unique<SocketServer>(backend, kind);
}

}  // namespace agora::test
