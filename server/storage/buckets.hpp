// SPDX-License-Identifier: MIT

// Buckets: the heads of a hash table's chains; linear hashing adds and removes one bucket at a
// time.
//
// With n buckets, a hash is masked to as many bits as n - 1 has. If that index is not below n, the
// highest of these bits is dropped. So a new bucket takes over entries of exactly one old one, its
// `partner`, and the last bucket gives its entries back to its partner. The heads lie in segments
// of 1024 in the arena, so growth never moves them, except within the first segment, which starts
// small and doubles. A directory, also in the arena, lists the segments if there are several. Other
// processes read all of this (shared/shm/table_layout.hpp).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "server/storage/arena.hpp"
#include "shared/shm/table_layout.hpp"

namespace agora {

class Buckets {
 public:
  explicit Buckets(Arena& arena) : arena_(&arena) {}
  Buckets(const Buckets&) = delete;
  Buckets& operator=(const Buckets&) = delete;
  Buckets(Buckets&& other) noexcept : Buckets(*other.arena_) { swap(other); }
  ~Buckets() {
    while (segments_ > 0) drop_segment();
  }
  void swap(Buckets& other) noexcept {
    std::swap(arena_, other.arena_);
    std::swap(root_, other.root_);
    std::swap(segments_, other.segments_);
    std::swap(count_, other.count_);
    std::swap(first_capacity_, other.first_capacity_);
  }

  std::uint32_t count() const { return count_; }

  /// Returns the bucket of a hash. There must be at least one bucket.
  std::uint32_t index_of(std::uint32_t hash) const { return shape().bucket_of(hash); }

  /// Returns the handle of a bucket's first entry. The reference is valid until the number of
  /// buckets changes.
  std::uint32_t& head(std::uint32_t index) const {
    const Handle segment = segments_ > 1 ? directory()[index / shm::kSegmentSlots] : root_;
    return (&arena_->as<std::uint32_t>(segment))[index % shm::kSegmentSlots];
  }

  /// Returns the bucket that `index` (>= 1) was split from.
  static std::uint32_t partner(std::uint32_t index) { return index - std::bit_floor(index); }

  /// Adds an empty bucket; the caller moves entries to it. Returns false if there is no memory;
  /// then nothing changed.
  bool add();

  /// Removes the last bucket, whose entries the caller has moved. There must be one.
  void remove_last();

  /// Removes the last segment with all its buckets; the entries in them are no longer found.
  void drop_segment();

  std::size_t segments() const { return segments_; }
  /// Returns the size of the segments and their directory, bytes.
  std::size_t bytes() const;

  /// Returns the location and number of the buckets, for the cell from which readers load them.
  shm::TableShape shape() const { return {root_.unit, count_}; }

 private:
  Handle* directory() const { return &arena_->as<Handle>(root_); }
  bool add_segment();
  bool enlarge_first();
  bool enlarge_directory();

  Arena* arena_;
  Handle root_;
  std::uint32_t segments_ = 0;
  std::uint32_t count_ = 0;
  std::uint32_t first_capacity_ = 0;
};

}  // namespace agora
