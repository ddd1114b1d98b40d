// SPDX-License-Identifier: MIT

// The typed line: the protocol for people at telnet, such as `dict.set jobs k 1`, and its replies.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/value/packed.hpp"
#include "shared/wire/message.hpp"

namespace agora {

/// One parameter, from the method table.
struct ParameterHint {
  std::string_view name;
  bool text = false;  ///< takes the argument verbatim as text (name, type, topic, owner ...)
};

/// One method, from the method table. Default: an unknown method, all arguments by position.
struct MethodHint {
  std::span<const ParameterHint> parameters;
  /// An argument `x=y` whose x is not a parameter becomes an entry of the parameter `options`, a
  /// map.
  bool free_options = false;
};

/// Returns the first token of a line: the method, `help`, `quit` or something unknown; `help` for a
/// line that begins with `?`. Empty for an empty line.
std::string_view typed_method(std::string_view line);

/// Parses a line into a call. Clears `out`, then writes the parameters to it in normal form: a
/// list, or a map if any is named. `method` points into `line` (or is the constant `help`),
/// `params` into `out`. The request has no id; the caller assigns one.
///
/// An argument extends to the next blank, but one that begins with `"`, `[` or `{` is JSON up to
/// its end, blanks included. An argument that is a JSON literal has that value, any other is text.
/// `x=y` is a named argument if `x` is a parameter (or `guard`, which every method has).
/// @error invalid_params  unmatched quotes or brackets, malformed JSON, a parameter given
///                        twice, too many by position beside named ones; `position` (bytes, from
///                        1) in the details if the error has one.
/// @error value_error     a number out of range, text that is not UTF-8, malformed extended JSON.
/// @error too_large       depth or elements.
Expected<Request> decode_typed_line(std::string_view line, const MethodHint& method,
                                    const Limits& limits, std::string& out);

/// Appends `Type: message`, one line without its line end.
void encode_typed_error(const Error& error, std::string& out);

/// Appends the result as one line of JSON without its line end.
void encode_typed_result(PackedView result, std::string& out);

}  // namespace agora
