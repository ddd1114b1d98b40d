// Looking up keys of a dict, namespace or set in the server's memory, without the server.
//
// Lock-free, without allocation, from any thread. Nothing that is read is clamp_token: every handle
// and length is loaded once and checked against the pages, chains are followed 64 entries far.
// `elsewhere` and `busy` mean: make a call.
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

/// One walk down a chain. What it finds may be torn until read_steady says otherwise.
class TableWalk {
 public:
  TableWalk(const Pages& pages, const Cell& cell)
      : pages_(pages), shape_(TableShape::of(cell.shape.load(std::memory_order_relaxed))) {}

  /// `found` if there is an entry with that key, whatever its value.
  ReadResult find(std::uint32_t hash, const KeyParts& key_bytes) {
    if (shape_.count == 0) return ReadResult::not_found;
    const std::byte* const head = head_of(shape_.bucket_of(hash));
    if (head == nullptr) return ReadResult::use_rpc;
    auto unit = load_once<std::uint32_t>(head);
    for (int hops = 0; hops < kHopsMax; ++hops) {
      if (unit == 0) return ReadResult::not_found;
      const std::span<const std::byte> known = pages_.from(unit);
      if (known.size() < sizeof(Entry)) return ReadResult::use_rpc;
      // The value is mostly in the line behind; to fetch that takes as long as what is done first.
      __builtin_prefetch(known.data() + 64);
      if (load_once<std::uint32_t>(known.data() + offsetof(Entry, hash)) == hash) {
        const ReadResult look = compare(known, key_bytes);
        if (look != ReadResult::not_found) return look;
      }
      unit = load_once<std::uint32_t>(known.data() + offsetof(Entry, next));
    }
    return ReadResult::use_rpc;
  }

  /// The value of the entry that was found: none if it is not there for readers.
  /// @return `found` or `elsewhere`
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
      const std::size_t place = bucket / kSegmentSlots * sizeof(segment);
      const std::byte* const directory = pages_.at(segment, place + sizeof(segment));
      if (directory == nullptr) return nullptr;
      segment = load_once<std::uint32_t>(directory + place);
    }
    const std::size_t place = bucket % kSegmentSlots * sizeof(std::uint32_t);
    const std::byte* const heads = pages_.at(segment, place + sizeof(std::uint32_t));
    return heads == nullptr ? nullptr : heads + place;
  }

  /// Whether that entry, whose hash is the right one, has that key.
  ReadResult compare(std::span<const std::byte> known, const KeyParts& key_bytes) {
    const std::byte* const entry = known.data();
    const auto key_word = load_once<std::uint32_t>(entry + offsetof(Entry, key_word));
    // A float's own bytes are not its comparison key: whether it is the one, the server knows.
    if ((key_word & Entry::kKeyIsDerived) != 0) return ReadResult::use_rpc;
    if ((key_word & Entry::kLengthMask) != key_bytes.size()) return ReadResult::not_found;
    if (known.size() - sizeof(Entry) < key_bytes.size()) return ReadResult::use_rpc;
    if (!same_bytes(entry + sizeof(Entry), key_bytes)) return ReadResult::not_found;
    behind_key_ = known.subspan(sizeof(Entry) + key_bytes.size());
    value_word_ = load_once<std::uint32_t>(entry + offsetof(Entry, value_word));
    return ReadResult::found;
  }

  const Pages& pages_;
  TableShape shape_;
  std::span<const std::byte> behind_key_;  ///< of the entry that was found
  std::uint32_t value_word_ = 0;
};

/// Looks up a key of the dict or namespace with that cell and id and hands its value to `take`.
/// @param key        the hash key of this run of the server
/// @param key_bytes  the comparison key that is looked for
/// @param take       take(std::string_view): the value in normal form, at most 16 KiB, where it
/// lies.
///   It may be called up to 8 times, with bytes that are torn and go on changing while it reads
///   them; what it has made of them counts only if `found` is returned. So it must load every
///   length once and check it against the view, and give up on what makes no sense. Safe are
///   copy_racing (for anything: decode the copy afterwards) and decoding a single number, bool,
///   text or bytes. It may return a bool: false gives `elsewhere`.
/// @return `found`; `absent`: there is no such key; `busy`, `elsewhere`: make a call.
template <typename Take>
ReadResult find(const Pages& pages, const Cell& cell, std::uint64_t object, HashKey key,
                const KeyParts& key_bytes, Take&& take) {
  const auto hash = static_cast<std::uint32_t>(keyed_hash_of(key_bytes, key));
  return read_steady(cell, object, [&] {
    TableWalk walk{pages, cell};
    ReadResult look = walk.find(hash, key_bytes);
    std::string_view value;
    if (look == ReadResult::found) look = walk.value(value);
    return look == ReadResult::found ? hand_over(take, value) : look;
  });
}

/// Whether the dict, namespace or set has that key or member; else as `find`.
inline ReadResult contains(const Pages& pages, const Cell& cell, std::uint64_t object, HashKey key,
                           const KeyParts& key_bytes) {
  const auto hash = static_cast<std::uint32_t>(keyed_hash_of(key_bytes, key));
  return read_steady(cell, object, [&] { return TableWalk{pages, cell}.find(hash, key_bytes); });
}

}  // namespace agora::shm
