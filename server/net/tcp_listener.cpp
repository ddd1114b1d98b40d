// SPDX-License-Identifier: MIT

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>

#include "server/net/acceptor.hpp"
#include "server/net/listener.hpp"

namespace agora {
namespace {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
  throw OptionError("--listen " + text + ": " + why);
}

/// Splits HOST:PORT, [IPv6]:PORT or :PORT. The host is empty for all addresses, also for "*".
HostPort split(const std::string& text) {
  constexpr const char* kExpected = "expected HOST:PORT, such as 127.0.0.1:7117 or [::1]:7117";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) refuse(text, kExpected);
  HostPort result;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, result.port);
  result.host = text.substr(0, colon);
  const bool bracketed =
      result.host.size() > 2 && result.host.front() == '[' && result.host.back() == ']';
  if (bracketed) {
    result.host = result.host.substr(1, result.host.size() - 2);
  } else if (result.host.find(':') != std::string::npos) {
    refuse(text, "an IPv6 address stands in brackets, as in [::1]:7117");
  }
  if (error != std::errc{} || stop != end) refuse(text, kExpected);
  if (result.host == "*") result.host.clear();
  return result;
}

/// An IPv4 or IPv6 address and port in the form of the socket calls.
struct Endpoint {
  sockaddr_storage bytes{};
  socklen_t length = sizeof(sockaddr_storage);

  sockaddr* address() { return reinterpret_cast<sockaddr*>(&bytes); }
  int family() const { return bytes.ss_family; }
  bool is_loopback() const {
    if (family() == AF_INET6) {
      return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(bytes).sin6_addr);
    }
    return ntohl(reinterpret_cast<const sockaddr_in&>(bytes).sin_addr.s_addr) >> 24 == 127;
  }
};

Endpoint endpoint_of(const std::string& text) {
  constexpr const char* kNotLoopback =
      "only loopback addresses are served without a key or TLS, which this version does not offer "
      "yet; use 127.0.0.1 or [::1]";
  const HostPort parts = split(text);
  if (parts.host.empty()) {
    refuse(text, std::string{"it stands for all addresses, and "} + kNotLoopback);
  }
  const std::string host = parts.host == "localhost" ? "127.0.0.1" : parts.host;
  addrinfo wanted{};
  wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(parts.port);
  if (::getaddrinfo(host.c_str(), port.c_str(), &wanted, &found) != 0) {
    refuse(text, "\"" + parts.host + "\" is no IP address");
  }
  Endpoint endpoint;
  std::memcpy(&endpoint.bytes, found->ai_addr, found->ai_addrlen);
  endpoint.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  if (!endpoint.is_loopback()) {
    refuse(text, kNotLoopback);
  }
  return endpoint;
}

std::string text_of(Endpoint& endpoint) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(endpoint.address(), endpoint.length, host.data(), host.size(), port.data(),
                port.size(), NI_NUMERICHOST | NI_NUMERICSERV);
  const std::string name = host.data();
  return (endpoint.family() == AF_INET6 ? "[" + name + "]" : name) + ":" + port.data();
}

void switch_on(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

std::optional<Peer> identify(int fd) {
  Endpoint remote;
  if (::getpeername(fd, remote.address(), &remote.length) != 0) return std::nullopt;
  switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
  switch_on(fd, SOL_SOCKET, SO_KEEPALIVE);
  Peer peer;
  peer.host = text_of(remote);
  peer.transport = "tcp";
  peer.role = Role::write;
  return peer;
}

class TcpListener : public Listener {
 public:
  TcpListener(Hub& hub, Descriptor listening, std::string address, LogFn log)
      : address_(std::move(address)),
        acceptor_(hub, std::move(listening), identify, std::move(log)) {}
  void start() override { acceptor_.start(); }
  void stop() override { acceptor_.stop(); }
  std::string address() const override { return address_; }

 private:
  std::string address_;
  Acceptor acceptor_;
};

}  // namespace

std::unique_ptr<Listener> listen_tcp(Hub& hub, const std::string& host_and_port, LogFn log) {
  Endpoint endpoint = endpoint_of(host_and_port);
  Descriptor made{
      ::socket(endpoint.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP)};
  switch_on(made.get(), SOL_SOCKET, SO_REUSEADDR);
  if (::bind(made.get(), endpoint.address(), endpoint.length) != 0 ||
      ::listen(made.get(), 511) != 0 ||
      ::getsockname(made.get(), endpoint.address(), &endpoint.length) != 0) {
    throw std::runtime_error("cannot listen on " + host_and_port + ": " + std::strerror(errno) +
                             "; --listen HOST:PORT takes another, port 0 any free one");
  }
  return std::make_unique<TcpListener>(hub, std::move(made), text_of(endpoint), std::move(log));
}

}  // namespace agora
