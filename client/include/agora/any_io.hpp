// SPDX-License-Identifier: MIT

// Printing values: an agora::any, and through it the content of every proxy, as JSON text.
#pragma once

#include <iosfwd>
#include <string>

#include "shared/value/any.hpp"

namespace agora {

/// Returns the value as JSON text on one line, exactly as the server prints it:
/// `{"a":[1,2.0,null]}`.
std::string to_json_text(PackedView value);

/// Prints the text that to_json_text returns, whatever the stream's width and flags.
std::ostream& operator<<(std::ostream& out, const any& value);

}  // namespace agora
