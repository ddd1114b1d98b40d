// SPDX-License-Identifier: MIT

// Address: where a server listens, parsed from the form that users write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"

namespace agora::detail {

struct Address {
  enum class Kind : std::uint8_t { unix_socket, tcp };
  Kind kind = Kind::unix_socket;
  std::string path;  ///< of a unix socket, at most 107 bytes
  std::string host;  ///< of tcp: a name, or an IP address without brackets
  std::string port;  ///< of tcp: 1 to 65535 in decimal
  /// A user whose server is accepted at a unix socket, beside this program's user and root.
  std::optional<std::uint32_t> peer_uid = {};

  /// Returns "unix" or "tcp".
  std::string_view transport() const { return kind == Kind::tcp ? "tcp" : "unix"; }
};

/// Parses `unix:/path` or `tcp://host:port`.
/// @error value_error  the text has another form, a path too long for a socket, or no valid port.
Expected<Address> parse_address(std::string_view text);

}  // namespace agora::detail
