// SPDX-License-Identifier: MIT

// Generators of random values for property tests of shared/value; call them only inside rc::check.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "shared/value/msgpack_writer.hpp"

namespace agora::test {

/// Draws a double; many are integral, special or next to the limits of the ints.
double random_real();

/// Draws UTF-8 with characters of one to four bytes, NUL included.
std::string random_text();
std::string random_bytes();

/// Draws an int of any size; many are small.
std::int64_t random_integer();

/// Writes a hashable value, at most `depth` deep.
void write_hashable(Writer& writer, int depth);

/// Writes a value of any kind, at most `depth` deep.
void write_value(Writer& writer, int depth);

/// Draws the pairs of a map, packed, with distinct comparison keys.
std::vector<std::pair<std::string, std::string>> random_pairs(int depth);

/// Returns the map of these pairs in this order, packed.
std::string packed_map(const std::vector<std::pair<std::string, std::string>>& pairs);

/// Returns a generator of values of any kind in normal form.
rc::Gen<std::string> values(int depth = 3);

/// Returns a generator of hashable values in normal form.
rc::Gen<std::string> hashables(int depth = 2);

}  // namespace agora::test
