// SPDX-License-Identifier: MIT

// Looks up keys of a dict, namespace or set in the server's memory, without a call to the server.
//
// Lock-free, without allocation, from any thread. Trusts nothing that it reads: every handle and
// length is loaded once and checked against the mapped pages, and a chain is followed for at most
// 64 entries. After `use_rpc` or `contended` the caller makes a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "shared/base/keyed_hash.hpp"
#include "shared/shm/cell.hpp"
#include "shared/shm/cell_reader.hpp"
#include "shared/shm/key_parts.hpp"
#include "shared/shm/pages.hpp"
#include "shared/shm/racing_read.hpp"
#include "shared/shm/table_layout.hpp"

namespace agora::shm {

/// One walk along a hash chain. Its results may be torn until read_consistent() has validated them.
class TableWalk {
 public:
  TableWalk(const Pages& pages, const Cell& cell)
      : pages_(pages), shape_(TableShape::of(cell.shape.load(std::memory_order_relaxed))) {}

  /// Finds the entry with that key. @return `found` whatever its value, `not_found` or `use_rpc`
  ReadResult find(std::uint32_t hash, const KeyParts& key_bytes) {
    if (shape_.count == 0) return ReadResult::not_found;
    const std::byte* const head = head_of(shape_.bucket_of(hash));
    if (head == nullptr) return ReadResult::use_rpc;
    auto unit = load_once<std::uint32_t>(head);
    for (int hops = 0; hops < kHopsMax; ++hops) {
      if (unit == 0) return ReadResult::not_found;
      const std::span<const std::byte> known = pages_.from(unit);
      if (known.size() < sizeof(Entry)) return ReadResult::use_rpc;
      // Prefetches the next cache line, which usually holds the value, while the key is compared.
      __builtin_prefetch(known.data() + 64);
      if (load_once<std::uint32_t>(known.data() + offsetof(Entry, hash)) == hash) {
        const ReadResult result = compare(known, key_bytes);
        if (result != ReadResult::not_found) return result;
      }
      unit = load_once<std::uint32_t>(known.data() + offsetof(Entry, next));
    }
    return ReadResult::use_rpc;
  }

  /// Returns in `bytes` the value of the entry that find() found.
  /// @return `found`, or `use_rpc` if readers cannot read the value in place
  ReadResult value(std::string_view& bytes) const {
    const std::size_t size = value_word_ & Entry::kLengthMask;
    if ((value_word_ & (Entry::kValueOutside | Entry::kValueRefers)) != 0)
      return ReadResult::use_rpc;
    if (size > kReadableBytesMax) return ReadResult::use_rpc;
    if (size > behind_key_.size()) return ReadResult::use_rpc;
    bytes = {reinterpret_cast<const char*>(behind_key_.data()), size};
    return ReadResult::found;
  }

 private:
  static constexpr int kHopsMax = 64;

  const std::byte* head_of(std::uint32_t bucket) const {
    std::uint32_t segment = shape_.root;
    if (shape_.has_directory()) {
      const std::size_t offset = bucket / kSegmentSlots * sizeof(segment);
      const std::byte* const directory = pages_.at(segment, offset + sizeof(segment));
      if (directory == nullptr) return nullptr;
      segment = load_once<std::uint32_t>(directory + offset);
    }
    const std::size_t offset = bucket % kSegmentSlots * sizeof(std::uint32_t);
    const std::byte* const heads = pages_.at(segment, offset + sizeof(std::uint32_t));
    return heads == nullptr ? nullptr : heads + offset;
  }

  /// Compares the key of an entry whose hash matches.
  ReadResult compare(std::span<const std::byte> known, const KeyParts& key_bytes) {
    const std::byte* const entry = known.data();
    const auto key_word = load_once<std::uint32_t>(entry + offsetof(Entry, key_word));
    // The bytes of a float are not its comparison key, so only the server can compare them.
    if ((key_word & Entry::kKeyIsDerived) != 0) return ReadResult::use_rpc;
    if ((key_word & Entry::kLengthMask) != key_bytes.size()) return ReadResult::not_found;
    if (known.size() - sizeof(Entry) < key_bytes.size()) return ReadResult::use_rpc;
    if (!bytes_equal(entry + sizeof(Entry), key_bytes)) return ReadResult::not_found;
    behind_key_ = known.subspan(sizeof(Entry) + key_bytes.size());
    value_word_ = load_once<std::uint32_t>(entry + offsetof(Entry, value_word));
    return ReadResult::found;
  }

  const Pages& pages_;
  TableShape shape_;
  std::span<const std::byte> behind_key_;  ///< the bytes behind the key of the entry found
  std::uint32_t value_word_ = 0;
};

/// Looks up a key of the dict or namespace with that cell and id and passes its value to `visit`.
/// @param key        the hash key of this run of the server
/// @param key_bytes  the comparison key
/// @param visit      visit(std::string_view): the value in normal form, at most 16 KiB, in place.
///   It may be called up to 8 times, with bytes that are torn and change while it reads them. Its
///   output is valid only if `found` is returned. So it must load every length once, check it
///   against the view, and stop at bytes that make no sense. Safe are copy_racing() (for any value:
///   decode the copy afterwards) and decoding a single number, bool, text or bytes. It may return a
///   bool: false gives `use_rpc`.
/// @return `found`; `not_found`: there is no such key; `contended`, `use_rpc`: make a call
template <typename Visit>
ReadResult find(const Pages& pages, const Cell& cell, std::uint64_t object, HashKey key,
                const KeyParts& key_bytes, Visit&& visit) {
  const auto hash = static_cast<std::uint32_t>(keyed_hash_of(key_bytes, key));
  return read_consistent(cell, object, [&] {
    TableWalk walk{pages, cell};
    ReadResult result = walk.find(hash, key_bytes);
    std::string_view value;
    if (result == ReadResult::found) result = walk.value(value);
    return result == ReadResult::found ? invoke_visitor(visit, value) : result;
  });
}

/// Finds out whether the dict, namespace or set has that key or member. @return as find()
inline ReadResult contains(const Pages& pages, const Cell& cell, std::uint64_t object, HashKey key,
                           const KeyParts& key_bytes) {
  const auto hash = static_cast<std::uint32_t>(keyed_hash_of(key_bytes, key));
  return read_consistent(cell, object, [&] {
    return TableWalk{pages, cell}.find(hash, key_bytes);
  });
}

}  // namespace agora::shm
