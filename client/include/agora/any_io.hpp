// Printing values: an agora::any, and through it the content of every proxy, as JSON text.
#pragma once

#include <iosfwd>
#include <string>

#include "shared/value/any.hpp"

namespace agora {

/// Returns the value as the server's own JSON text, on one line: `{"a":[1,2.0,null]}`.
std::string to_json_text(PackedView value);

/// Prints the same text; the stream's width and flags do not matter.
std::ostream& operator<<(std::ostream& out, const any& value);

}  // namespace agora
