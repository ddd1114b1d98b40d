// Base64 (RFC 4648, section 4), strict: one text for each sequence of bytes, and no other.
#pragma once

#include <string>
#include <string_view>

namespace agora {

/// Appends the base64 form of `raw` to `out`, with padding and without line breaks.
void base64_encode(std::string_view raw, std::string& out);

/// Appends the bytes that `text` stands for to `out`.
/// @return false, `out` as before, if `text` holds anything but the standard alphabet, lacks its
///         padding, or has bits in its last character that mean nothing.
bool base64_decode(std::string_view text, std::string& out);

}  // namespace agora
