// SPDX-License-Identifier: MIT

// SharedMemory: the server's storage in memfds, which programs of its user on this host can map.
//
// It has two spaces. The arena is read-only for clients: F_SEAL_FUTURE_WRITE makes the server's
// mapping the only writable one, even for a client that holds the descriptor. The words are
// writable for clients. Where the system gives no memfd (a seccomp filter, no descriptors left,
// `ulimit -f`) private memory is used instead: no client can map it, and all operations on its
// objects are calls.
//
// An extent costs the kernel a millisecond for 8 MiB, so a thread preallocates the next one. The
// thread works in small steps with pauses: on a single CPU, calls wait while it works.
//
// The memory of a sealed extent cannot be freed in parts. An extent of the arena that is free as a
// whole is unmapped and closed; the kernel frees it once the clients have unmapped it too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <semaphore>
#include <vector>

#include "server/shm/private_extents.hpp"
#include "server/storage/sharing.hpp"
#include "shared/shm/memfd_extents.hpp"

namespace agora {

class SharedMemory : public Sharing {
 public:
  /// @param bytes_max  the bound on both spaces and the extents made ahead, bytes; 0: no bound.
  explicit SharedMemory(std::size_t bytes_max = 0) : bytes_max_(bytes_max) {}

  ExtentSource& arena() { return arena_; }
  ExtentSource& words() { return words_; }

  std::span<const SharedExtent> extents() const override { return extents_; }
  std::size_t releases() const override { return releases_; }
  int descriptor(std::size_t extent) const override { return descriptors_[extent]; }

 private:
  /// One of the two spaces, a list of extents that double in size.
  class Space : public ExtentSource {
   public:
    Space(SharedMemory& all, bool writable) : all_(all), writable_(writable) {}
    std::span<std::byte> allocate(std::size_t bytes) override;
    std::span<std::byte> allocate_at(std::uint32_t first_page, std::size_t bytes) override;
    bool release(std::span<std::byte> extent) override;
    std::size_t discard(std::span<std::byte> unused) override;
    bool renew(std::span<std::byte> bytes) override;
    std::size_t bytes_ahead() const override { return next_ ? next_->bytes : 0; }
    /// Drops the extent that is made ahead.
    void drop_ahead();

   private:
    /// An extent that a thread preallocates.
    struct Preallocation {
      /// @throws std::system_error  the thread cannot be started.
      Preallocation(std::size_t bytes, bool writable);
      ~Preallocation();
      /// Waits for the extent and returns it. May be called once.
      MemfdExtent take();

      const std::size_t bytes;
      std::binary_semaphore hurry{0};  // released once take() waits: ends the pauses
      std::future<MemfdExtent> made;
    };
    /// An extent in use, and its index in the list of all.
    struct Mapped {
      MemfdExtent extent;
      std::size_t index;
    };

    MemfdExtent take(std::size_t bytes);
    void preallocate(std::size_t bytes);
    Mapped* holder_of(const std::byte* at);

    SharedMemory& all_;
    const bool writable_;
    std::vector<Mapped> mapped_;
    PrivateExtents private_;
    std::unique_ptr<Preallocation> next_;  // null if none is being made
  };

  bool has_room_for(std::size_t bytes) const {
    return bytes_max_ == 0 || bytes <= bytes_max_ - std::min(bytes_max_, bytes_);
  }

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;  // of all extents in use and made ahead
  std::size_t releases_ = 0;
  std::vector<SharedExtent> extents_;
  std::vector<int> descriptors_;
  Space arena_{*this, false};
  Space words_{*this, true};
};

}  // namespace agora
