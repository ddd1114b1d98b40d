// Random values for the properties of the value floor; to be called inside of rc::check only.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <rapidcheck.h>

#include "shared/value/msgpack_writer.hpp"

namespace agora::test {

/// Doubles with many that are whole, special or next to the limits of the integers.
double random_real();

/// UTF-8 with characters of one to four bytes, zero included.
std::string random_text();
std::string random_bytes();

/// Integers of all sizes, with many small ones.
std::int64_t random_integer();

/// Writes a value that may be the key of a map, as deep as `depth` at most.
void write_hashable(Writer& writer, int depth);

/// Writes a value of any kind, as deep as `depth` at most.
void write_value(Writer& writer, int depth);

/// The pairs of a map, each packed, with keys that differ as keys.
std::vector<std::pair<std::string, std::string>> random_pairs(int depth);

/// The map of these pairs in this order, packed.
std::string packed_map(const std::vector<std::pair<std::string, std::string>>& pairs);

/// Values of any kind in normal form.
rc::Gen<std::string> values(int depth = 3);

/// Values that may be keys, in normal form.
rc::Gen<std::string> hashables(int depth = 2);

}  // namespace agora::test
