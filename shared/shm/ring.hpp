// Ring: bytes from one process to another, in memory that both map. One direction, one writer, one
// reader. Beside the rings stands a socket: whoever sleeps is woken by a byte on it, and the end of
// a process is its end of file.
//
// Whoever stores looks at whether the other sleeps; whoever wants to sleep says so and looks once
// more; both with a fence between store and load, so that one of them sees the other
// (tests/model/doorbell.pml). Neither side believes the other: counts are checked before they are
// used, bytes are copied out before they are read.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <sys/uio.h>

namespace agora::shm {

/// One direction. What each side writes has a line of its own.
struct RingWords {
  // The writer's.
  alignas(64) std::atomic<std::uint64_t> written;  ///< bytes, ever
  std::atomic<std::uint32_t> writer_waits;         ///< 1: it sleeps until there is room
  std::atomic<std::uint32_t> writer_cpu;           ///< where it ran when it last wrote
  // The reader's.
  alignas(64) std::atomic<std::uint64_t> read;  ///< bytes, ever
  std::atomic<std::uint32_t> reader_waits;      ///< 1: it sleeps until there is something
};

inline constexpr std::size_t kRingBytes = std::size_t{32} << 10;

/// What one memfd holds: both directions' words on its first page, then the bytes of each.
struct RingLayout {
  RingWords to_server;
  RingWords to_client;
};
inline constexpr std::size_t kRingHead = 4096;
inline constexpr std::size_t kRingTotal = kRingHead + 2 * kRingBytes;
static_assert(sizeof(RingLayout) <= kRingHead && std::atomic<std::uint64_t>::is_always_lock_free);

/// One side's hold on one direction: where it lies.
struct RingPlace {
  RingWords* words = nullptr;
  std::byte* bytes = nullptr;
};
inline RingPlace to_server(std::byte* base) {
  return {&reinterpret_cast<RingLayout*>(base)->to_server, base + kRingHead};
}
inline RingPlace to_client(std::byte* base) {
  return {&reinterpret_cast<RingLayout*>(base)->to_client, base + kRingHead + kRingBytes};
}

/// After a store that the other side may sleep for: true if it does and is to be woken.
inline bool must_wake(std::atomic<std::uint32_t>& waits) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return waits.load(std::memory_order_relaxed) != 0 && waits.exchange(0) != 0;
}

class RingWriter {
 public:
  RingWriter() = default;
  explicit RingWriter(RingPlace place) : place_(place) {}

  /// Free bytes as far as is known without looking at the other's line; none: looks.
  /// Nothing: the other side has written nonsense.
  std::optional<std::size_t> room() {
    if (written_ - read_ == kRingBytes) {
      const std::uint64_t read = place_.words->read.load(std::memory_order_acquire);
      if (written_ - read > kRingBytes) return std::nullopt;
      read_ = read;
    }
    return kRingBytes - (written_ - read_);
  }
  /// Copies in as much as there is room for, from the front; not seen before publish().
  /// @pre room() has a value. @return how much
  std::size_t put(std::span<const iovec> parts) {
    std::size_t put = 0;
    for (const iovec& part : parts) {
      const std::size_t now = put_one(static_cast<const char*>(part.iov_base), part.iov_len);
      put += now;
      if (now < part.iov_len) break;  // room that comes now is for the rest of this one
    }
    return put;
  }
  /// @param cpu  where this thread runs. @return true if the reader sleeps and is to be woken
  bool publish(std::uint32_t cpu) {
    if (place_.words->writer_cpu.load(std::memory_order_relaxed) != cpu) {
      place_.words->writer_cpu.store(cpu, std::memory_order_relaxed);
    }
    place_.words->written.store(written_, std::memory_order_release);
    return must_wake(place_.words->reader_waits);
  }
  /// Before sleeping until there is room. @return false: there is some, do not sleep
  bool wait_for_room() {
    place_.words->writer_waits.store(1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return written_ - place_.words->read.load(std::memory_order_acquire) == kRingBytes;
  }

 private:
  std::size_t put_one(const char* data, std::size_t bytes) {
    const std::size_t count = std::min(bytes, room().value_or(0));
    const std::size_t at = written_ % kRingBytes;
    const std::size_t first = std::min(count, kRingBytes - at);
    std::memcpy(place_.bytes + at, data, first);
    std::memcpy(place_.bytes, data + first, count - first);
    written_ += count;
    return count;
  }

  RingPlace place_;
  std::uint64_t written_ = 0;
  std::uint64_t read_ = 0;  // by the other, as last seen
};

class RingReader {
 public:
  RingReader() = default;
  explicit RingReader(RingPlace place) : place_(place) {}

  bool empty() const { return place_.words->written.load(std::memory_order_acquire) == read_; }
  /// Where the writer ran when it last wrote.
  std::uint32_t writer_cpu() const {
    return place_.words->writer_cpu.load(std::memory_order_relaxed);
  }
  /// Copies out what there is room for, 0 if there is nothing; what was read makes room at
  /// release(). Nothing: the other side has written nonsense.
  std::optional<std::size_t> take(std::span<char> space) {
    const std::uint64_t there = place_.words->written.load(std::memory_order_acquire) - read_;
    if (there > kRingBytes) return std::nullopt;
    const std::size_t count = std::min<std::size_t>(there, space.size());
    const std::size_t at = read_ % kRingBytes;
    const std::size_t first = std::min(count, kRingBytes - at);
    std::memcpy(space.data(), place_.bytes + at, first);
    std::memcpy(space.data() + first, place_.bytes, count - first);
    read_ += count;
    return count;
  }
  /// @return true if the writer sleeps for room and is to be woken.
  bool release() {
    place_.words->read.store(read_, std::memory_order_release);
    return must_wake(place_.words->writer_waits);
  }
  /// Before sleeping until there is something. @return false: there is something, do not sleep
  bool wait_for_bytes() {
    place_.words->reader_waits.store(1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return empty();
  }

 private:
  RingPlace place_;
  std::uint64_t read_ = 0;
};

}  // namespace agora::shm
