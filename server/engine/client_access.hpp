// SPDX-License-Identifier: MIT

// ClientAccess: the rights of one connection, and the state of its login. The connection owns it;
// admission reads the role, and the login port changes the rest.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/core/methods/command.hpp"
#include "shared/base/time.hpp"

namespace agora {

/// The state of a connection that may log in. Only a server with keys makes one.
struct LoginState {
  std::string address;      ///< of the client; failures are counted for it
  bool is_private = false;  ///< no other host can read the bytes: TLS, loopback or a Unix socket
  std::shared_ptr<const TlsPeer> tls;  ///< null: not over TLS
  std::string nonce;                   ///< of the challenge, 32 raw bytes; empty: none is open
  Instant challenged_at{};
  unsigned failures = 0;
};

struct ClientAccess {
  Role role = Role::write;   ///< none: login is required and has not happened
  IdentityPointer identity;  ///< null: the client has not proven any
  std::unique_ptr<LoginState> login;
  LinkId link{};
};

}  // namespace agora
