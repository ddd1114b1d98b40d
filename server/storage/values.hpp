// Values: single values that rest in an arena on their own, and pins that keep large ones there.
//
// Queue items, list elements and the large values of tables. A large value (16 KiB and more) is
// immutable and counted: a reply that sends it pins it and copies nothing, while the dict may
// already hold another value under the same key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "server/storage/arena.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class Values;

/// Holds one large value where it is until this goes. Cheap to copy. May outlive the container
/// that had the value and the Values that made it, but not the arena. Default: holds nothing.
class BlobRef {
 public:
  BlobRef() = default;
  BlobRef(const BlobRef& other);
  BlobRef(BlobRef&& other) noexcept
      : arena_(std::exchange(other.arena_, nullptr)), value_(std::exchange(other.value_, {})) {}
  BlobRef& operator=(BlobRef other) noexcept;
  ~BlobRef();

  /// The value, good for as long as this holds it; absent if this holds nothing.
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
  /// @return null if there is no room; nothing changed. Cost: the copy, and for lists, maps and
  /// opaque values a walk that looks for references.
  Handle store(PackedView value);

  /// Good until the value is dropped, and then until its last pin goes.
  PackedView view(Handle value) const;

  /// True if the value is, or contains, a reference; found out when it was stored.
  bool has_references(Handle value) const;

  /// Frees the value, at once or with its last pin.
  void drop(Handle value);

  /// A pin on a value that is large enough to be worth it, else nothing: then copy it.
  std::optional<BlobRef> pin(Handle value);

  /// What the value takes of the arena, bytes.
  std::size_t bytes(Handle value) const;

  std::size_t blob_bytes_min() const { return blob_bytes_min_; }
  Arena& arena() const { return arena_; }

 private:
  Arena& arena_;
  std::size_t blob_bytes_min_;
};

}  // namespace agora
