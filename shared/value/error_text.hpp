// SPDX-License-Identifier: MIT

// The texts of errors: always UTF-8, and short whatever the client has sent. A message quotes input
// through shown(); bound_error() bounds errors as a whole, before the server keeps or sends them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "shared/base/error.hpp"

namespace agora {

/// The longest message of an error, bytes: two names of objects and a sentence fit.
inline constexpr std::size_t kMessageBytesMax = 2'048;
/// The longest detail of an error, bytes: a name of an object fits.
inline constexpr std::size_t kDetailBytesMax = 1'024;
/// The longest detail that is a list which the server itself has made (`released`, `cycle`), bytes.
inline constexpr std::size_t kListDetailBytesMax = std::size_t{128} << 10;
/// The longest quotation of input in a message, bytes.
inline constexpr std::size_t kShownBytesMax = 64;

/// Returns the longest prefix of UTF-8 text that has at most `most` bytes and ends at a character
/// boundary.
std::string_view cut_text(std::string_view text, std::size_t most);

/// Returns `text` as UTF-8 of at most `most` bytes. A longer text is cut at a character boundary
/// and then ends in `...`, which is not counted. Bytes that are not UTF-8 appear as `?`.
std::string shown(std::string_view text, std::size_t most = kShownBytesMax);

/// Bounds the message and the details. A longer text is cut; any other detail that is longer gives
/// way to its description, as describe() returns it, or is dropped if it is one of the server's own
/// lists.
void bound_error(Error& error);

}  // namespace agora
