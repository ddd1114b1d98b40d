// SPDX-License-Identifier: MIT

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <vector>

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

/// Refuses an address that other hosts reach, with the options that make it right.
void check_reachable(const std::string& text, const TcpPolicy& policy) {
  if (policy.beyond_loopback) return;
  refuse(
      text,
      policy.login
          ? "it is no loopback address: without TLS an attacker between a client and the server "
            "can take a connection over after its login; add --tls-cert FILE --tls-key FILE, or "
            "--allow-plaintext if the network is trusted"
          : "it is no loopback address, so clients have to log in: write a key with agora keygen "
            "--id ID > keys (mode 600), and add --key-file keys --tls-cert FILE --tls-key FILE "
            "(--tls-client-ca FILE takes certificates in place of keys); or listen on 127.0.0.1 "
            "or [::1]");
}

/// Returns the addresses that a name stands for.
std::vector<asio::ip::address> resolve(const std::string& text, const std::string& host) {
  if (host == "localhost") return {asio::ip::make_address("127.0.0.1")};
  std::error_code error;
  const asio::ip::address literal = asio::ip::make_address(host, error);
  if (!error) return {literal};
  addrinfo wish{};
  wish.ai_socktype = SOCK_STREAM;
  wish.ai_flags = AI_PASSIVE | AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int unknown = ::getaddrinfo(host.c_str(), nullptr, &wish, &found);
  if (unknown != 0) refuse(text, "\"" + host + "\": " + ::gai_strerror(unknown));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  std::vector<asio::ip::address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Endpoint endpoint;
    std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
    addresses.push_back(endpoint.address());
  }
  return addresses;
}

/// Returns the endpoints that HOST:PORT stands for; the one of all addresses serves IPv4 too.
std::vector<Endpoint> endpoints_of(const std::string& text, const TcpPolicy& policy) {
  const HostPort parts = split(text);
  if (parts.host.empty()) {
    check_reachable(text, policy);
    return {{asio::ip::tcp::v6(), parts.port}};
  }
  std::vector<Endpoint> endpoints;
  for (const asio::ip::address& address : resolve(text, parts.host)) {
    if (!address.is_loopback()) check_reachable(text, policy);
    endpoints.emplace_back(address, parts.port);
  }
  return endpoints;
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

/// Returns the identity of all clients of a loopback address without a login.
const IdentityPointer& loopback() {
  static const IdentityPointer identity = std::make_shared<const Identity>();
  return identity;
}

std::optional<Peer> identify(int fd, bool tls_only, bool login) {
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
  peer.role = login ? Role::none : Role::write;
  if (!login) peer.identity = loopback();
  return peer;
}

class TcpListener : public Listener {
 public:
  TcpListener(Hub& hub, ListeningSocket listening, std::string address, bool tls_only, bool login)
      : address_(std::move(address)),
        acceptor_(
            hub, std::move(listening), [=](int fd) { return identify(fd, tls_only, login); },
            -Acceptor::kKept) {}
  void start() override { acceptor_.start(); }
  void stop() override { acceptor_.stop(); }
  std::string address() const override { return address_; }

 private:
  std::string address_;
  Acceptor acceptor_;
};

/// Binds a socket, and listens. Stores the errno in `problem` on failure.
Descriptor bound(const Endpoint& wanted, int& problem) {
  // Not by Asio's open(), which leaves the descriptor open in programs that this process starts.
  Descriptor made{::socket(wanted.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                           IPPROTO_TCP)};
  problem = errno;
  if (!made.is_open()) return made;
  switch_on(made.get(), SOL_SOCKET, SO_REUSEADDR);
  if (wanted.address().is_v6()) {
    const int only = wanted.address().is_unspecified() ? 0 : 1;
    ::setsockopt(made.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  if (::bind(made.get(), wanted.data(), static_cast<socklen_t>(wanted.size())) != 0 ||
      ::listen(made.get(), 511) != 0) {
    problem = errno;
    made.close();
  }
  return made;
}

std::unique_ptr<Listener> listen_at(Hub& hub, const std::string& text, Endpoint wanted,
                                    const TcpPolicy& policy) {
  const bool tls_only =
      !(wanted.address().is_loopback() ? policy.plain_on_loopback : policy.plain_on_others);
  int problem = 0;
  Descriptor made = bound(wanted, problem);
  // A host without IPv6 has all addresses in IPv4.
  if (!made.is_open() && problem == EAFNOSUPPORT && wanted.address().is_unspecified()) {
    wanted = {asio::ip::tcp::v4(), wanted.port()};
    made = bound(wanted, problem);
  }
  Endpoint endpoint;
  socklen_t length = static_cast<socklen_t>(endpoint.capacity());
  if (!made.is_open() || ::getsockname(made.get(), endpoint.data(), &length) != 0) {
    throw std::runtime_error("cannot listen on " + text + ": " + std::strerror(problem) +
                             "; --listen HOST:PORT takes another, port 0 any free one");
  }
  if (policy.login && !wanted.address().is_loopback() && !tls_only) {
    hub.events().line(
        "plain text is served on " + text_of(endpoint) +
        ": an attacker between client and server can read it, and take a connection over after its "
        "login; --tls-cert and --tls-key prevent that");
  }
  ListeningSocket listening{hub.io()};
  listening.assign(wanted.protocol(), made.get());
  made.release();
  return std::make_unique<TcpListener>(hub, std::move(listening), text_of(endpoint), tls_only,
                                       policy.login);
}

}  // namespace

std::vector<std::unique_ptr<Listener>> listen_tcp(Hub& hub, const std::string& host_and_port,
                                                  TcpPolicy policy) {
  std::vector<std::unique_ptr<Listener>> listeners;
  for (const Endpoint& wanted : endpoints_of(host_and_port, policy)) {
    listeners.push_back(listen_at(hub, host_and_port, wanted, policy));
  }
  return listeners;
}

}  // namespace agora
