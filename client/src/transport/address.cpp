// SPDX-License-Identifier: MIT

#include "client/src/transport/address.hpp"

#include <algorithm>
#include <charconv>
#include <sys/un.h>
#include <utility>

namespace agora::detail {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kTls = "tls://";

Failure malformed(std::string_view text) {
  return fail(Errc::value_error,
              "expected an address unix:/path, tcp://host:port or tls://host:port, found \"" +
                  std::string(text.substr(0, 80)) + "\"");
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  return problem == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

Expected<Address> parse_tcp(std::string_view text, Address::Kind kind) {
  const std::string_view rest = text.substr(kTcp.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return malformed(text);
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // In a bare IPv6 address the last group would be taken for the port.
  const bool ambiguous = !bracketed && host.find_first_of(":[]") != std::string_view::npos;
  if (host.empty() || ambiguous || host.find('\0') != host.npos || !is_port(port)) {
    return malformed(text);
  }
  return Address{kind, {}, std::string(host), std::string(port)};
}

}  // namespace

std::string Address::text() const {
  if (kind == Kind::unix_socket) return std::string(kUnix) + path;
  const bool bare = host.find(':') == std::string::npos;
  return std::string(transport()) + "://" + (bare ? host : "[" + host + "]") + ":" + port;
}

Expected<Address> parse_address(std::string_view text) {
  if (text.starts_with(kTcp)) return parse_tcp(text, Address::Kind::tcp);
  if (text.starts_with(kTls)) return parse_tcp(text, Address::Kind::tls);
  if (!text.starts_with(kUnix)) return malformed(text);
  const std::string_view path = text.substr(kUnix.size());
  if (path.empty() || path.find('\0') != std::string_view::npos) return malformed(text);
  constexpr std::size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kPathBytesMax) {
    return fail(Errc::value_error, "the path of a unix socket may have " +
                                       std::to_string(kPathBytesMax) + " bytes, this one has " +
                                       std::to_string(path.size()));
  }
  return Address{Address::Kind::unix_socket, std::string(path), {}, {}};
}

Expected<std::vector<Address>> parse_addresses(std::string_view text) {
  std::vector<Address> all;
  std::string_view scheme;
  while (text.starts_with(kTcp) || text.starts_with(kTls) || !all.empty()) {
    if (text.starts_with(kTcp)) scheme = kTcp;
    if (text.starts_with(kTls)) scheme = kTls;
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = text.substr(0, comma);
    auto address = parse_address(one.find("://") == std::string_view::npos
                                     ? std::string(scheme) + std::string(one)
                                     : std::string(one));
    if (!address) return address.failure();
    all.push_back(std::move(*address));
    if (comma == text.size()) return all;
    text.remove_prefix(comma + 1);
  }
  auto only = parse_address(text);
  if (!only) return only.failure();
  all.push_back(std::move(*only));
  return all;
}

}  // namespace agora::detail
