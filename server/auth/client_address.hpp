// SPDX-License-Identifier: MIT

// The part of a client's address that limits are counted for, and whether other hosts lie between.
#pragma once

#include <string>
#include <string_view>

namespace agora {

/// Returns the address of "HOST:PORT" without the port: of IPv6 the network of 64 bits, which one
/// client has as a whole. An IPv4 address within IPv6 is that IPv4 address. Text of any other form
/// is returned as it is.
std::string address_of(std::string_view host_and_port);

/// Returns true if the text is "HOST:PORT" with a loopback address.
bool is_loopback(std::string_view host_and_port);

}  // namespace agora
