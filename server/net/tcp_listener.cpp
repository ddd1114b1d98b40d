// SPDX-License-Identifier: MIT

#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

#include <asio/ip/tcp.hpp>

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

using Endpoint = asio::ip::tcp::endpoint;

Endpoint endpoint_of(const std::string& text, const TcpPolicy& policy) {
  constexpr const char* kNotLoopback =
      "only loopback addresses are served to clients that prove nothing; give --tls-cert, "
      "--tls-key "
      "and --tls-client-ca, or use 127.0.0.1 or [::1]";
  const HostPort parts = split(text);
  if (parts.host.empty()) {
    if (policy.beyond_loopback) return {asio::ip::tcp::v6(), parts.port};  // IPv4 as well
    refuse(text, std::string{"it stands for all addresses, and "} + kNotLoopback);
  }
  std::error_code error;
  const asio::ip::address address =
      asio::ip::make_address(parts.host == "localhost" ? "127.0.0.1" : parts.host, error);
  if (error) refuse(text, "\"" + parts.host + "\" is no IP address");
  if (!address.is_loopback() && !policy.beyond_loopback) {
    refuse(text, kNotLoopback);
  }
  return {address, parts.port};
}

std::string text_of(const Endpoint& endpoint) {
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  const std::string host = address.to_string();
  return (address.is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

void switch_on(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

/// Makes the kernel notice within 10 s, the default ttl of a session, that an idle client has
/// vanished. TCP_USER_TIMEOUT would also bound how long a client may leave its receive buffer full,
/// and would replace the count of probes; a session ends with its ttl in any case.
void notice_vanished(int fd) {
  const int idle_s = 5;
  const int interval_s = 2;
  const int probes = 2;
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

std::optional<Peer> identify(int fd, bool tls_only) {
  Endpoint remote;
  socklen_t length = static_cast<socklen_t>(remote.capacity());
  if (::getpeername(fd, remote.data(), &length) != 0) return std::nullopt;
  switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
  switch_on(fd, SOL_SOCKET, SO_OOBINLINE);  // telnet sends a part of a command as urgent data
  switch_on(fd, SOL_SOCKET, SO_KEEPALIVE);
  notice_vanished(fd);
  Peer peer;
  peer.tls_only = tls_only;
  peer.host = text_of(remote);
  peer.transport = "tcp";
  peer.identity = "loopback";
  peer.role = Role::write;
  return peer;
}

class TcpListener : public Listener {
 public:
  TcpListener(Hub& hub, ListeningSocket listening, std::string address, bool tls_only)
      : address_(std::move(address)),
        acceptor_(
            hub, std::move(listening), [tls_only](int fd) { return identify(fd, tls_only); },
            -Acceptor::kKept) {}
  void start() override { acceptor_.start(); }
  void stop() override { acceptor_.stop(); }
  std::string address() const override { return address_; }

 private:
  std::string address_;
  Acceptor acceptor_;
};

}  // namespace

std::unique_ptr<Listener> listen_tcp(Hub& hub, const std::string& host_and_port, TcpPolicy policy) {
  const Endpoint wanted = endpoint_of(host_and_port, policy);
  const bool tls_only =
      !(wanted.address().is_loopback() ? policy.plain_on_loopback : policy.plain_on_others);
  // Not by Asio's open(), which leaves the descriptor open in programs that this process starts.
  Descriptor made{::socket(wanted.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                           IPPROTO_TCP)};
  switch_on(made.get(), SOL_SOCKET, SO_REUSEADDR);
  Endpoint endpoint;
  socklen_t length = static_cast<socklen_t>(endpoint.capacity());
  if (::bind(made.get(), wanted.data(), static_cast<socklen_t>(wanted.size())) != 0 ||
      ::listen(made.get(), 511) != 0 || ::getsockname(made.get(), endpoint.data(), &length) != 0) {
    throw std::runtime_error("cannot listen on " + host_and_port + ": " + std::strerror(errno) +
                             "; --listen HOST:PORT takes another, port 0 any free one");
  }
  ListeningSocket listening{hub.io()};
  listening.assign(wanted.protocol(), made.get());
  made.release();
  return std::make_unique<TcpListener>(hub, std::move(listening), text_of(endpoint), tls_only);
}

}  // namespace agora
