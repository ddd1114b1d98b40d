// SPDX-License-Identifier: MIT

// Address: where a server listens, parsed from the form that users write.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/expected.hpp"

namespace agora::detail {

struct Address {
  enum class Kind : std::uint8_t { unix_socket, tcp, tls };
  Kind kind = Kind::unix_socket;
  std::string path;  ///< of a unix socket, at most 107 bytes
  std::string host;  ///< of tcp and tls: a name, or an IP address without brackets
  std::string port;  ///< of tcp and tls: 1 to 65535 in decimal
  /// A user whose server is accepted at a unix socket, beside this program's user and root.
  std::optional<std::uint32_t> peer_uid = {};

  /// Returns "unix", "tcp" or "tls".
  std::string_view transport() const {
    return kind == Kind::unix_socket ? "unix" : kind == Kind::tcp ? "tcp" : "tls";
  }
  /// Returns the address in the form that parse_address() takes.
  std::string text() const;
};

/// Parses `unix:/path`, `tcp://host:port` or `tls://host:port`.
/// @error value_error  the text has another form, a path too long for a socket, or no valid port.
Expected<Address> parse_address(std::string_view text);

/// Parses one address, or several with commas between them: `tls://a:7117,b:7117`. Each but the
/// first may leave out its scheme, and then has that of the one before. The path of a Unix socket
/// may hold commas, so it stands alone.
/// @error value_error  as parse_address().
Expected<std::vector<Address>> parse_addresses(std::string_view text);

}  // namespace agora::detail
