// Typecodes: what a value or array element may be, with C's sizes on Linux x86-64.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// A C number type, a byte, a bool, or anything.
enum class Typecode : char {
  any = '*',
  int8 = 'b',
  uint8 = 'B',
  int16 = 'h',
  uint16 = 'H',
  int32 = 'i',
  uint32 = 'I',
  int64 = 'l',   ///< also 'q'
  uint64 = 'L',  ///< also 'Q'
  float32 = 'f',
  float64 = 'd',
  byte = 'c',
  boolean = '?',
};

/// From "i", "q", "any" ...; nothing for an unknown word.
std::optional<Typecode> typecode_of(std::string_view word);

/// Appends `value` as the typecode holds it (a float32 rounded, an int out of range wrapped if
/// `wrap`).
/// @error type_error   the wrong kind of value.
/// @error value_error  out of range, and not to be wrapped.
Expected<void> coerce(Typecode code, bool wrap, PackedView value, std::string& out);

/// How many bytes C takes for one; 0 for `any`, which has no C form.
std::size_t c_bytes(Typecode code);

/// Writes what `coerce` gave in C's form: c_bytes(code) bytes, at any address.
void write_c(Typecode code, PackedView coerced, std::byte* to);

/// Appends the value that lies at `from` in C's form.
void read_c(Typecode code, const std::byte* from, std::string& out);

/// Adds to an int in words that others may write to (words.hpp), modulo 2^bits and in one step that
/// nobody can hold up; the new value. Nothing: one of them is no int.
std::optional<std::string> add_to_word(Typecode code, std::byte* at, PackedView amount);

/// What is wrong where others write into such a word without end.
inline constexpr const char* kWordBusy =
    "programs on this host change it too often for this to be done in one step; nothing was "
    "changed";

/// What an element is at first: 0, 0.0, false, b"\0".
std::string zero_of(Typecode code);

}  // namespace agora
