// SPDX-License-Identifier: MIT

// Authenticator: verifies logins against the keys of a key file, and gives client certificates
// their roles.
//
// An unknown id and a wrong proof take the same work and give the same error. Ten failures of one
// address within a minute delay its further logins by a second each; three failures close the
// connection. A nonce serves one login: a recorded login proves nothing later or elsewhere.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/auth/failure_rate.hpp"
#include "server/engine/ports.hpp"
#include "shared/auth/key_file.hpp"

namespace agora {

class Authenticator : public LoginPort {
 public:
  /// @param server  the server's name, which the proofs cover
  /// @param log  receives a line for each login and each refusal
  Authenticator(KeyFile keys, std::string server, std::function<void(const std::string&)> log);

  std::unique_ptr<LoginState> begin(const Peer& peer) override;
  LoginVerdict verify(const Batch& batch, const Command& command, const ClientAccess& access,
                      Instant now, Instant wall) override;

  /// Sets the identity and the role of a peer whose client certificate was verified in a TLS
  /// handshake: by the line of its subject in the key file, else by its URI agora:ROLE. A
  /// certificate without a role counts as none.
  void identify(Peer& peer);

  /// Replaces the keys. Logins that were made by removed or changed lines are no longer valid.
  void set_keys(KeyFile keys);
  /// Returns true unless the key or the certificate's line of that identity was removed or changed.
  bool is_valid(const Identity& identity) const;

 private:
  LoginVerdict challenge(LoginState& state, Instant now);
  LoginVerdict log_in_by_key(const Batch& batch, const Command& command, LoginState& state,
                             Instant now);
  LoginVerdict log_in_by_token(const Batch& batch, const Command& command, LoginState& state,
                               Instant now, Instant wall);
  LoginVerdict accepted(const KeyLine& key, std::string proof, const LoginState& state,
                        Instant now);
  LoginVerdict refused(std::string_view id, LoginState& state, Instant now, std::string message);
  Duration delay(const LoginState& state, Instant now) const;
  IdentityPointer identity_of(const KeyLine& line);

  KeyFile keys_;
  std::string server_;
  std::function<void(const std::string&)> log_;
  FailureRate failures_;
  // The identities that the present keys have given. One that is not in here is no longer valid.
  std::map<std::string, IdentityPointer> identities_;
};

}  // namespace agora
