// SPDX-License-Identifier: MIT

#include "server/auth/client_address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <netinet/in.h>

namespace agora {
namespace {

/// Returns the host of "HOST:PORT", without brackets and zone.
std::string host_of(std::string_view text) {
  std::string_view host = text.substr(0, text.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string{host.substr(0, host.find('%'))};
}

/// Returns the IPv4 address within an IPv6 one; empty if there is none.
std::string mapped_ipv4(const in6_addr& address) {
  if (!IN6_IS_ADDR_V4MAPPED(&address)) return {};
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, address.s6_addr + 12, text.data(), text.size());
  return text.data();
}

}  // namespace

std::string address_of(std::string_view host_and_port) {
  std::string host = host_of(host_and_port);
  in6_addr address{};
  if (::inet_pton(AF_INET6, host.c_str(), &address) != 1) return host;
  if (std::string ipv4 = mapped_ipv4(address); !ipv4.empty()) return ipv4;
  std::fill(address.s6_addr + 8, address.s6_addr + 16, std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address, text.data(), text.size());
  return std::string{text.data()} + "/64";
}

bool is_loopback(std::string_view host_and_port) {
  std::string host = host_of(host_and_port);
  in6_addr six{};
  if (::inet_pton(AF_INET6, host.c_str(), &six) == 1) {
    if (IN6_IS_ADDR_LOOPBACK(&six)) return true;
    host = mapped_ipv4(six);
  }
  in_addr four{};
  return ::inet_pton(AF_INET, host.c_str(), &four) == 1 && ntohl(four.s_addr) >> 24 == 127;
}

}  // namespace agora
