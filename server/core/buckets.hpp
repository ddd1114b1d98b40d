// Buckets: the heads of a table's hash chains, growing and shrinking by one bucket at a time.
//
// Linear hashing: with n buckets, a hash is cut to as many bits as n - 1 has; where that names a
// bucket that is not there yet, the highest of these bits is dropped. So a new bucket takes over
// entries of exactly one old one, its `partner`, and the last bucket gives its entries back to it.
// The heads lie in segments of 1024 in the arena, so growth never moves them, except within the
// first segment, which begins small and doubles.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "server/core/arena.hpp"

namespace agora {

class Buckets {
 public:
  explicit Buckets(Arena& arena) : arena_(&arena) {}
  Buckets(const Buckets&) = delete;
  Buckets& operator=(const Buckets&) = delete;
  Buckets(Buckets&& other) noexcept
      : arena_(other.arena_),
        segments_(std::move(other.segments_)),
        count_(std::exchange(other.count_, 0)),
        first_capacity_(std::exchange(other.first_capacity_, 0)) {}
  ~Buckets() {
    while (!segments_.empty()) drop_segment();
  }

  std::uint32_t count() const { return count_; }

  /// The bucket for a hash. There must be one.
  std::uint32_t index_of(std::uint32_t hash) const {
    const std::uint32_t mask = std::bit_ceil(count_) - 1;
    const std::uint32_t index = hash & mask;
    return index < count_ ? index : hash & (mask >> 1);
  }

  /// The handle of the first entry in a bucket; good until the number of buckets changes.
  std::uint32_t& head(std::uint32_t index) const {
    const Handle segment = segments_[index / segment_slots];
    return (&arena_->as<std::uint32_t>(segment))[index % segment_slots];
  }

  /// The bucket that shares its entries with `index` (>= 1).
  static std::uint32_t partner(std::uint32_t index) { return index - std::bit_floor(index); }

  /// Adds an empty bucket; the caller moves entries to it. False: no room, nothing changed.
  bool add();

  /// Takes away the last bucket, whose entries the caller has moved. There must be one.
  void remove_last();

  /// The last segment with all its buckets; the entries in them are no longer found.
  void drop_segment();

  std::size_t segments() const { return segments_.size(); }
  /// Segments in the arena and their directory, bytes.
  std::size_t bytes() const;

 private:
  static constexpr std::uint32_t segment_slots = 1024;

  bool add_segment();
  bool enlarge_first();

  Arena* arena_;
  std::vector<Handle> segments_;
  std::uint32_t count_ = 0;
  std::uint32_t first_capacity_ = 0;
};

}  // namespace agora
