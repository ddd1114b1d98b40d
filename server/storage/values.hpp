// SPDX-License-Identifier: MIT

// Values: single values stored in an arena, and pins that keep large ones alive.
//
// Queue items, list elements and the large values of tables are such values. A large value (16 KiB
// and more) is immutable and has a reference count. A reply pins it and copies nothing, while the
// dict may already hold another value under the same key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "server/storage/arena.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class Values;

/// A counted reference to one large value, which it keeps alive and in place. Cheap to copy. It may
/// outlive the container that had the value and the Values that made it, but not the arena.
/// Default: refers to nothing.
class BlobRef {
 public:
  BlobRef() = default;
  BlobRef(const BlobRef& other);
  BlobRef(BlobRef&& other) noexcept
      : arena_(std::exchange(other.arena_, nullptr)), value_(std::exchange(other.value_, {})) {}
  BlobRef& operator=(BlobRef other) noexcept;
  ~BlobRef();

  /// Returns the value, valid as long as this object lives; absent if this refers to nothing.
  PackedView view() const;
  explicit operator bool() const { return arena_ != nullptr; }

 private:
  friend class Values;
  BlobRef(Arena& arena, Handle value) : arena_(&arena), value_(value) {}

  Arena* arena_ = nullptr;
  Handle value_;
};

class Values {
 public:
  /// @param blob_bytes_min  values from this size on can be pinned; bytes, at most 1 GiB.
  explicit Values(Arena& arena, std::size_t blob_bytes_min = std::size_t{16} * 1024);

  /// Copies a present value of less than 2 GiB into the arena.
  /// @return null if there is no memory; nothing changed. Cost: the copy, and for lists, maps and
  /// opaque values a walk that looks for references.
  Handle store(PackedView value);

  /// Returns the value, valid until it is dropped and its last pin is gone.
  PackedView view(Handle value) const;

  /// Returns whether the value is, or contains, a reference; determined when it was stored.
  bool has_references(Handle value) const;

  /// Drops the container's reference; the value is freed with its last pin.
  void drop(Handle value);

  /// Returns a pin on a large value; nullopt for a small one, which the caller should copy.
  std::optional<BlobRef> pin(Handle value);

  /// Returns the value's size in the arena, bytes.
  std::size_t bytes(Handle value) const;

  std::size_t blob_bytes_min() const { return blob_bytes_min_; }
  Arena& arena() const { return arena_; }

 private:
  Arena& arena_;
  std::size_t blob_bytes_min_;
};

}  // namespace agora
