// SPDX-License-Identifier: MIT

// Proof: the messages by which a client and a server prove to each other that both know a key, and
// the token, which proves it once for a while. Neither sends the key.
//
// Each proof is an HMAC-SHA-256 over a label and length-prefixed fields, so that no two inputs give
// the same bytes. Client and server use different labels: a proof that is sent back proves nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"

namespace agora {

/// The inputs of both proofs of one login.
struct LoginTranscript {
  std::string_view server;        ///< the server's name, from session.challenge
  std::string_view id;            ///< of the key
  std::string_view server_nonce;  ///< 32 raw bytes
  std::string_view client_nonce;  ///< 32 raw bytes
  std::string_view binding;       ///< SHA-256 of the server's certificate, raw; empty without TLS
};

/// Returns the 32 raw bytes that prove to the server that the client knows the key.
std::string client_proof(std::string_view key, const LoginTranscript& login);
/// Returns the 32 raw bytes that prove to the client that the server knows the key.
std::string server_proof(std::string_view key, const LoginTranscript& login);

/// The longest life of a token, seconds.
inline constexpr std::int64_t kTokenSecondsMax = 24 * 3600;

/// A token `agora1.ID.EXPIRY.HEX`, taken apart.
struct LoginToken {
  std::string_view id;
  std::string_view expiry_text;  ///< as it stands in the token: the proof covers it
  std::int64_t expiry = 0;       ///< seconds since 1970
  std::string proof;             ///< 32 raw bytes
};

/// Returns a token of the key. @param expiry  seconds since 1970
std::string make_token(std::string_view key, std::string_view id, std::int64_t expiry);
/// Takes a token apart, from the right: an id may contain dots. The views refer to `text`.
/// @error value_error  it has another form.
Expected<LoginToken> parse_token(std::string_view text);
/// Returns the 32 raw bytes of a token's proof.
std::string token_proof(std::string_view key, std::string_view id, std::string_view expiry_text);

}  // namespace agora
