// From JSON text to values. The only reader of JSON; nlohmann/json is its lexer and parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/normalize.hpp"

namespace agora {

/// Reads JSON text in two steps, so that a message's envelope can be looked at first and an
/// unacceptable value inside it does not hide the message's id.
///
/// parse() checks the syntax and leaves the *loose form*: valid MessagePack in which lists and maps
/// have 32-bit headers, `$` words are still maps, and a number out of range or a list nested beyond
/// any limit is a mark (see LooseMark). to_packed() makes a part of it a value in normal form.
/// Keeps its buffers between messages.
class JsonReader {
 public:
  /// @param budget  the limits of a whole message. The text itself may have more levels and
  ///                elements, since words like `$map` take three where the value has one.
  explicit JsonReader(const Budget& budget)
      : nesting_max_(budget.depth_max * std::size_t{3} + 8),
        events_max_(budget.elements * std::uint64_t{4} + 100) {}

  /// Reads exactly one JSON text (blanks around it allowed). Linear; iterative.
  /// @error parse_error  anything that RFC 8259 does not allow: bad UTF-8, lone surrogates, NaN,
  ///                     comments, trailing commas, a byte order mark, a second value; `position`
  ///                     (bytes, from 1) in the details.
  /// @error too_large    so many elements that reading stopped; loose() then holds, well-formed,
  ///                     what came before.
  Expected<void> parse(std::string_view text);

  /// What parse() left; valid until the next parse().
  std::string_view loose() const { return loose_; }

  /// Appends the value `part` (a whole value out of loose()) in normal form to `out`.
  /// @param names_on_top  the outermost map holds named parameters: its keys are no `$` words
  /// @error value_error, type_error, too_large  as decode_json_words and normalize give them.
  /// After an error `out` is as before.
  Expected<void> to_packed(std::string_view part, bool names_on_top, std::string& out,
                           Budget& budget);

 private:
  Expected<void> parse_once(std::string_view text, bool& overflow);

  std::size_t nesting_max_;
  std::uint64_t events_max_;  // values and keys in the text
  std::string loose_;
  std::string decoded_;
  bool special_ = false;  // loose_ holds a word or a mark: to_packed cannot copy it as it is
};

/// Appends the value that `text` stands for to `out`, in normal form.
/// @error as JsonReader::parse and JsonReader::to_packed; `out` then is as before.
Expected<void> json_to_packed(std::string_view text, std::string& out, Budget& budget);

/// True if the whole of `text` is a number as JSON spells it.
bool is_json_number(std::string_view text);

}  // namespace agora
