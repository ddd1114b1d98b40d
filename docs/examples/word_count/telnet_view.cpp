#include "docs/examples/word_count/telnet_view.hpp"

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

constexpr int kPatienceMilliseconds = 5000;

[[noreturn]] void fail(const char* step) {
  throw std::system_error(errno, std::generic_category(), step);
}

}  // namespace

TelnetView::TelnetView(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) fail("socket");
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
    const int problem = errno;
    ::close(fd_);
    errno = problem;
    fail("connect");
  }
}

TelnetView::~TelnetView() { ::close(fd_); }

std::string TelnetView::type(std::string_view line) {
  const std::string typed = std::string(line) + "\r\n";  // as telnet ends a line
  if (::send(fd_, typed.data(), typed.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(typed.size())) {
    fail("send");
  }
  while (received_.find('\n') == std::string::npos) {
    pollfd wanted{fd_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, kPatienceMilliseconds);
    throw_if_interrupted();
    if (ready == 0) throw std::runtime_error("no answer to the typed line " + std::string(line));
    std::array<char, 4096> bytes;
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::runtime_error("the server ended the typed dialogue");
    received_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  const std::size_t end = received_.find('\n');
  std::string answer = received_.substr(0, end);
  received_.erase(0, end + 1);
  if (answer.ends_with('\r')) answer.pop_back();
  return answer;
}

}  // namespace word_count
