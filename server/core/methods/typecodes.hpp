// SPDX-License-Identifier: MIT

// Typecode: the element type of a value or array, with C's sizes on Linux x86-64.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "server/core/methods/numbers.hpp"
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

/// Parses "i", "q", "any" ...; returns nullopt for an unknown word.
std::optional<Typecode> typecode_of(std::string_view word);

/// Returns the range of the typecode; for a typecode without ints, the range of any int.
IntRange int_range(Typecode code);

/// Appends `value` converted to the typecode: rounds to a float32, and wraps an int out of range if
/// `wrap` is set.
/// @error type_error   the wrong kind of value.
/// @error value_error  out of range without `wrap`.
Expected<void> coerce(Typecode code, bool wrap, PackedView value, std::string& out);

/// Returns the bytes of one element in C; 0 for `any`, which has no C form.
std::size_t c_bytes(Typecode code);

/// Writes a value from `coerce` in C's form: c_bytes(code) bytes, at any address.
void write_c(Typecode code, PackedView coerced, std::byte* to);

/// Appends the value that is stored at `from` in C's form.
void read_c(Typecode code, const std::byte* from, std::string& out);

/// Adds to an int in words that clients may write too (words.hpp), modulo 2^bits. Wait-free: one
/// fetch-add, which clients that write at the same time cannot delay. Returns the new value;
/// nullopt if the typecode or the amount is not an int.
std::optional<std::string> add_to_word(Typecode code, std::byte* at, PackedView amount);

/// The message of a compare-and-swap loop that clients kept failing.
inline constexpr const char* kWordBusy =
    "programs on this host change it too often for this to be done in one step; nothing was "
    "changed";

/// Returns the initial value of an element: 0, 0.0, false or b"\0".
std::string zero_of(Typecode code);

}  // namespace agora
