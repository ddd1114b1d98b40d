// SPDX-License-Identifier: MIT

// JsonReader: converts JSON text to values. The only JSON parser; nlohmann/json is its SAX parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/normalize.hpp"

namespace agora {

/// Reads JSON text in two steps, parse() and to_packed(). In between, the caller reads the envelope
/// of a message, so an invalid value inside it does not hide the id of the message.
///
/// parse() checks the syntax and writes an intermediate representation, the *loose form*. It is
/// valid MessagePack in which lists and maps have 32-bit headers, and tagged objects of extended
/// JSON are still maps. A number out of range, or a list nested beyond every limit, is a mark (see
/// LooseMark). to_packed() converts a part of it to a value in normal form. The reader reuses its
/// buffers between messages.
class JsonReader {
 public:
  /// @param budget  the limits of a whole message. The text itself may have more levels and
  ///                elements: a tagged object such as `$map` has three where the value has one.
  explicit JsonReader(const Budget& budget)
      : nesting_max_(budget.depth_max * std::size_t{3} + 8),
        events_max_(budget.elements * std::uint64_t{4} + 100) {}

  /// Reads exactly one JSON text (blanks around it allowed). Linear; iterative.
  /// @error parse_error  anything that RFC 8259 does not allow: bad UTF-8, lone surrogates, NaN,
  ///                     comments, trailing commas, a byte order mark, a second value; `position`
  ///                     (bytes, from 1) in the details.
  /// @error too_large    too many elements: parsing stopped. loose() is then well-formed and
  ///                     holds the part before that point.
  Expected<void> parse(std::string_view text);

  /// Returns the loose form of the last parse(); valid until the next one.
  std::string_view loose() const { return loose_; }

  /// Appends the value `part` (a whole value out of loose()) in normal form to `out`.
  /// @param names_on_top  the outermost map holds named parameters: its keys are not tags
  /// @error value_error, type_error, too_large  as in decode_extended_json() and normalize().
  /// After an error `out` is unchanged.
  Expected<void> to_packed(std::string_view part, bool names_on_top, std::string& out,
                           Budget& budget);

 private:
  Expected<void> parse_once(std::string_view text, bool& overflow);

  std::size_t nesting_max_;
  std::uint64_t events_max_;  // values and keys in the text
  std::string loose_;
  std::string decoded_;
  bool special_ = false;  // loose_ holds a tag or a mark: to_packed() must decode it first
};

/// Decodes the JSON `text` and appends its value to `out`, in normal form.
/// @error as in JsonReader::parse() and JsonReader::to_packed(); `out` then is unchanged.
Expected<void> json_to_packed(std::string_view text, std::string& out, Budget& budget);

/// Returns true if the whole of `text` is a JSON number.
bool is_json_number(std::string_view text);

}  // namespace agora
