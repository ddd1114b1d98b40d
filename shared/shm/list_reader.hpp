// Reading elements of a list in the server's memory, without the server.
//
// Lock-free, without allocation, from any thread; as careful as shared/shm/table_reader.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/shm/cell.hpp"
#include "shared/shm/cell_reader.hpp"
#include "shared/shm/list_layout.hpp"
#include "shared/shm/pages.hpp"
#include "shared/shm/racing_read.hpp"

namespace agora::shm {

/// The handle that stands in that place of a block of handles; 0 if the block is not known so far.
inline std::uint32_t load_handle(const Pages& pages, std::uint32_t block, std::size_t place) {
  const std::span<const std::byte> known = pages.from(block);
  if (known.size() / sizeof(std::uint32_t) <= place) return 0;
  return load_once<std::uint32_t>(known.data() + place * sizeof(std::uint32_t));
}

/// The value of the element at a place in [0, size); it may be torn. @return `found` or `elsewhere`
inline ReadResult find_element(const Pages& pages, ListShape shape, std::size_t place,
                               std::string_view& value) {
  place += shape.begin;
  const std::uint32_t chunk = load_handle(pages, shape.directory, place / kChunkSlots);
  const std::uint32_t element = chunk == 0 ? 0 : load_handle(pages, chunk, place % kChunkSlots);
  if (element == 0) return ReadResult::use_rpc;
  const std::span<const std::byte> known = pages.from(element);
  if (known.size() < sizeof(ValueHeader)) return ReadResult::use_rpc;
  const auto length = load_once<std::uint32_t>(known.data() + offsetof(ValueHeader, length));
  if ((length & ValueHeader::kRefers) != 0 || length > kReadableBytesMax)
    return ReadResult::use_rpc;
  if (length > known.size() - sizeof(ValueHeader)) return ReadResult::use_rpc;
  value = {reinterpret_cast<const char*>(known.data()) + sizeof(ValueHeader), length};
  return ReadResult::found;
}

/// Hands the element at an index to `take`, which must keep what `find` (table_reader.hpp) asks of
/// it.
/// @param index  as in Python: negative ones count from the end
/// @return `found`; `absent`: the index is out of range; `busy`, `elsewhere`: make a call.
template <typename Take>
ReadResult at(const Pages& pages, const Cell& cell, std::uint64_t object, std::int64_t index,
              Take&& take) {
  return read_steady(cell, object, [&] {
    const std::uint64_t size = cell.size.load(std::memory_order_relaxed);
    const auto shape = ListShape::of(cell.shape.load(std::memory_order_relaxed));
    // An index below -size is a great number here, too.
    const std::uint64_t place = static_cast<std::uint64_t>(index) + (index < 0 ? size : 0);
    if (place >= size) return ReadResult::not_found;
    std::string_view value;
    const ReadResult look = find_element(pages, shape, place, value);
    return look == ReadResult::found ? hand_over(take, value) : look;
  });
}

}  // namespace agora::shm
