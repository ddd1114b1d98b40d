// SPDX-License-Identifier: MIT

// Reads elements of a list in the server's memory, without a call to the server.
//
// Lock-free, without allocation, from any thread. Trusts nothing that it reads, as
// table_reader.hpp.
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

/// Returns the handle at an index of a block of handles; 0 if the block is not mapped yet.
inline std::uint32_t load_handle(const Pages& pages, std::uint32_t block, std::size_t index) {
  const std::span<const std::byte> known = pages.from(block);
  if (known.size() / sizeof(std::uint32_t) <= index) return 0;
  return load_once<std::uint32_t>(known.data() + index * sizeof(std::uint32_t));
}

/// Finds the value of the element at an index in [0, size); it may be torn.
/// @return `found` or `use_rpc`
inline ReadResult find_element(const Pages& pages, ListShape shape, std::size_t index,
                               std::string_view& value) {
  index += shape.begin;
  const std::uint32_t chunk = load_handle(pages, shape.directory, index / kChunkSlots);
  const std::uint32_t element = chunk == 0 ? 0 : load_handle(pages, chunk, index % kChunkSlots);
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

/// Passes the element at an index to `visit`, which must meet the contract in `find`
/// (table_reader.hpp).
/// @param index  as in Python: a negative one counts from the end
/// @return `found`; `not_found`: the index is out of range; `contended`, `use_rpc`: make a call
template <typename Visit>
ReadResult at(const Pages& pages, const Cell& cell, std::uint64_t object, std::int64_t index,
              Visit&& visit) {
  return read_consistent(cell, object, [&] {
    const std::uint64_t size = cell.size.load(std::memory_order_relaxed);
    const auto shape = ListShape::of(cell.shape.load(std::memory_order_relaxed));
    // An index below -size wraps around to a large number, and is refused as well.
    const std::uint64_t offset = static_cast<std::uint64_t>(index) + (index < 0 ? size : 0);
    if (offset >= size) return ReadResult::not_found;
    std::string_view value;
    const ReadResult result = find_element(pages, shape, offset, value);
    return result == ReadResult::found ? invoke_visitor(visit, value) : result;
  });
}

}  // namespace agora::shm
