// What the tests of the core's storage share: an arena over either kind of extents, and values.
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

/// Memory for one test. At its end every block must have been given back, by the test's own check.
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

/// A text of `size` characters that says by its letters which one it is.
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

/// The comparison key as an owned string.
inline std::string key_of(PackedView value) {
  std::string scratch;
  return std::string{key_bytes(value, scratch)};
}

}  // namespace agora::test
