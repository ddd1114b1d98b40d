// SPDX-License-Identifier: MIT

#include "client/src/transport/address.hpp"

#include <charconv>
#include <sys/un.h>

namespace agora::detail {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kTcp = "tcp://";

Failure malformed(std::string_view text) {
  return fail(Errc::value_error, "expected an address unix:/path or tcp://host:port, found \"" +
                                     std::string(text.substr(0, 80)) + "\"");
}

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  return problem == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

Expected<Address> parse_tcp(std::string_view text) {
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
  return Address{Address::Kind::tcp, {}, std::string(host), std::string(port)};
}

}  // namespace

Expected<Address> parse_address(std::string_view text) {
  if (text.starts_with(kTcp)) return parse_tcp(text);
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

}  // namespace agora::detail
