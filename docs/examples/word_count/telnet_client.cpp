// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/telnet_client.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

#include "docs/examples/word_count/interrupt.hpp"

namespace word_count {
namespace {

constexpr int kReplyTimeoutMs = 5000;

[[noreturn]] void fail(const char* step) {
  throw std::system_error(errno, std::generic_category(), step);
}

}  // namespace

TelnetClient::TelnetClient(std::uint16_t port)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int problem = errno;
    ::close(fd_);
    errno = problem;
    fail("connect");
  }
}

TelnetClient::~TelnetClient() { ::close(fd_); }

std::string TelnetClient::call(std::string_view line) {
  const std::string typed = std::string(line) + "\r\n";  // the line end of telnet
  if (::send(fd_, typed.data(), typed.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(typed.size())) {
    fail("send");
  }
  while (received_.find('\n') == std::string::npos) {
    pollfd wanted{fd_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, kReplyTimeoutMs);
    throw_if_interrupted();
    if (ready == 0) throw std::runtime_error("no reply to the typed line " + std::string(line));
    std::array<char, 4096> bytes;
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::runtime_error("the server closed the connection");
    received_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  const std::size_t end = received_.find('\n');
  std::string reply = received_.substr(0, end);
  received_.erase(0, end + 1);
  if (reply.ends_with('\r')) reply.pop_back();
  return reply;
}

}  // namespace word_count
