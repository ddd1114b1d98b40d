// SPDX-License-Identifier: MIT

// Shared by the tests of storage: an arena over either kind of extents, and values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/storage/arena.hpp"
#include "server/storage/heap_extents.hpp"
#include "server/storage/values.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora::test {

/// Memory for one test. The test itself checks that every block is freed at its end.
template <typename Extents>
struct Storage {
  Extents extents;
  Arena arena{extents};
  Values values{arena};
};

inline Packed text(std::string_view utf8) {
  std::string bytes;
  Writer{bytes}.text(utf8);
  return Packed{bytes};
}

/// Returns a text of `size` characters that encodes its number `which`.
inline Packed text_of_size(std::size_t size, std::uint64_t which) {
  std::string body(size, static_cast<char>('a' + which % 26));
  const std::string mark = std::to_string(which);
  std::copy_n(mark.begin(), std::min(mark.size(), size), body.begin());
  return text(body);
}

inline Packed integer(std::int64_t number) {
  std::string bytes;
  Writer{bytes}.integer(number);
  return Packed{bytes};
}

inline Packed real(double number) {
  std::string bytes;
  Writer{bytes}.real(number);
  return Packed{bytes};
}

inline Packed reference(std::string_view name) {
  std::string bytes;
  Writer{bytes}.reference(name);
  return Packed{bytes};
}

/// Returns the comparison key as an owned string.
inline std::string key_of(PackedView value) {
  std::string scratch;
  return std::string{key_bytes(value, scratch)};
}

}  // namespace agora::test
