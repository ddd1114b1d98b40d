// SPDX-License-Identifier: MIT

// Digest: HMAC-SHA-256, SHA-256, random bytes, hexadecimal text and the comparison of secrets, by
// OpenSSL 3.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace agora {

/// The length of a key, a nonce, a proof and a digest, bytes.
inline constexpr std::size_t kDigestBytes = 32;

/// Returns the 32 raw bytes of HMAC-SHA-256. @throws std::bad_alloc
std::string hmac_sha256(std::string_view key, std::string_view message);
/// Returns the 32 raw bytes of SHA-256. @throws std::bad_alloc
std::string sha256(std::string_view message);

/// Returns 32 raw bytes that cannot be guessed. @throws std::runtime_error  there are none.
std::string random_bytes();

/// Compares in a time that depends on the lengths only.
bool equal_secrets(std::string_view a, std::string_view b);

/// Returns two lower-case digits for each byte.
std::string to_hex(std::string_view bytes);
/// Returns the bytes of pairs of lower-case digits, or nullopt if the text is anything else.
std::optional<std::string> from_hex(std::string_view digits);

}  // namespace agora
