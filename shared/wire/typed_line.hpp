// The typed line: what a person writes at telnet, `dict.set jobs k 1`, and what is shown to them.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/base/limits.hpp"
#include "shared/value/packed.hpp"
#include "shared/wire/message.hpp"

namespace agora {

/// What the method table says about one parameter.
struct ParameterHint {
  std::string_view name;
  bool text = false;  ///< takes the word as it stands (name, type, topic, owner ...)
};

/// What the method table says about a method. Default: an unknown one, all words by position.
struct MethodHint {
  std::span<const ParameterHint> parameters;
  /// `x=y` with an x that is no parameter goes into the parameter `options`, a map.
  bool free_options = false;
};

/// The first word of a line: the method, `help`, `quit` or something unknown; `help` for a line
/// that begins with `?`. Empty for an empty line.
std::string_view typed_method(std::string_view line);

/// Splits a line into a call. `out` is cleared, then holds the parameters in normal form: a list,
/// or a map if any is named. `method` points into `line` (or is the constant `help`), `params` into
/// `out`. The request has no id: whoever queues it gives it one.
///
/// A word runs to the next blank, but one that begins with `"`, `[` or `{` is JSON up to its end,
/// blanks included. A word that is a JSON literal is that value, any other is text. `x=y` is named
/// if `x` is a parameter (or `guard`, which every method has).
/// @error invalid_params  quotes or brackets that do not end or are not JSON, a parameter given
///                        twice, too many by position beside named ones; `position` (bytes, from
///                        1) in the details where there is one.
/// @error value_error     a number out of range, text that is not UTF-8, a malformed `$` word.
/// @error too_large       depth or elements.
Expected<Request> decode_typed_line(std::string_view line, const MethodHint& method,
                                    const Limits& limits, std::string& out);

/// Appends `Type: message`, one line without its end.
void encode_typed_error(const Error& error, std::string& out);

/// Appends the result as one line of JSON without its end.
void encode_typed_result(PackedView result, std::string& out);

}  // namespace agora
