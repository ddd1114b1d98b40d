// SharedMemory: the server's storage in memfds, which programs of its user on this host can map.
//
// Two spaces: the arena, which others can only read (F_SEAL_FUTURE_WRITE: whoever gets the
// descriptor, our mapping stays the only one that writes), and the words, which they may write.
// Where the system gives no memfd (a seccomp filter, no descriptors left) the heap serves instead:
// what lies there nobody maps, and calls do all of it. Making an extent costs the kernel a
// millisecond for 8 MiB, so the next one is made ahead, in a thread of its own, and in small steps:
// where the server has only that CPU, calls would wait for as long as the thread works.
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
  /// One of the two spaces.
  class Space : public ExtentSource {
   public:
    Space(SharedMemory& all, bool writable) : all_(all), writable_(writable) {}
    std::span<std::byte> allocate(std::size_t bytes) override;

   private:
    /// An extent that a thread makes.
    struct Ahead {
      /// @throws std::system_error  no thread
      Ahead(std::size_t bytes, bool writable);
      ~Ahead();
      /// Waits for it; once.
      MemfdExtent take();

      const std::size_t bytes;
      std::binary_semaphore hurry{0};  // it is waited for: no rests any more
      std::future<MemfdExtent> made;
    };

    MemfdExtent take(std::size_t bytes);
    void prepare(std::size_t bytes);

    SharedMemory& all_;
    const bool writable_;
    std::uint32_t pages_ = 0;  // so far
    std::vector<MemfdExtent> mapped_;
    HeapExtents heap_;
    std::unique_ptr<Ahead> next_;  // null: none is being made
  };

  std::vector<SharedExtent> extents_;
  std::vector<int> descriptors_;
  Space arena_{*this, false};
  Space words_{*this, true};
};

}  // namespace agora
