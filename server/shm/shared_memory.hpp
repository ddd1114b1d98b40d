// SPDX-License-Identifier: MIT

// SharedMemory: the server's storage in memfds, which programs of its user on this host can map.
//
// It has two spaces. The arena is read-only for clients: F_SEAL_FUTURE_WRITE makes the server's
// mapping the only writable one, even for a client that holds the descriptor. The words are
// writable for clients. Where the system gives no memfd (a seccomp filter, no descriptors left) the
// heap is used instead: no client can map it, and all operations on its objects are calls.
//
// An extent costs the kernel a millisecond for 8 MiB, so a thread preallocates the next one. The
// thread works in small steps with pauses: on a single CPU, calls wait while it works.
#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <semaphore>
#include <vector>

#include "server/storage/heap_extents.hpp"
#include "server/storage/sharing.hpp"
#include "shared/shm/memfd_extents.hpp"

namespace agora {

class SharedMemory : public Sharing {
 public:
  SharedMemory() = default;

  ExtentSource& arena() { return arena_; }
  ExtentSource& words() { return words_; }

  std::span<const SharedExtent> extents() const override { return extents_; }
  int descriptor(std::size_t extent) const override { return descriptors_[extent]; }

 private:
  /// One of the two spaces, a list of extents that double in size.
  class Space : public ExtentSource {
   public:
    Space(SharedMemory& all, bool writable) : all_(all), writable_(writable) {}
    std::span<std::byte> allocate(std::size_t bytes) override;

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

    MemfdExtent take(std::size_t bytes);
    void preallocate(std::size_t bytes);

    SharedMemory& all_;
    const bool writable_;
    std::uint32_t pages_ = 0;  // of all extents
    std::vector<MemfdExtent> mapped_;
    HeapExtents heap_;
    std::unique_ptr<Preallocation> next_;  // null if none is being made
  };

  std::vector<SharedExtent> extents_;
  std::vector<int> descriptors_;
  Space arena_{*this, false};
  Space words_{*this, true};
};

}  // namespace agora
