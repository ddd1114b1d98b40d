// SPDX-License-Identifier: MIT

// Base64 (RFC 4648, section 4), strict: accepts only the canonical text of each sequence of bytes.
#pragma once

#include <string>
#include <string_view>

namespace agora {

/// Appends the base64 form of `raw` to `out`, with padding and without line breaks.
void base64_encode(std::string_view raw, std::string& out);

/// Decodes `text` and appends the bytes to `out`.
/// @return false, with `out` unchanged, if `text` has a character outside the standard alphabet,
///         lacks its padding, or has nonzero unused bits in its last character.
bool base64_decode(std::string_view text, std::string& out);

}  // namespace agora
