// SPDX-License-Identifier: MIT

// Ring: a lock-free single-producer, single-consumer ring of bytes in memory that two processes
// map. A connection has one ring for each direction and a socket beside them. A byte on the socket
// is the doorbell that wakes a sleeping side; end of file on it means that the peer process has
// ended.
//
// No wake-up is lost. A side that publishes stores its count, then loads the `waits` flag of the
// peer. A side that wants to sleep sets its flag, then loads the count again. Each has a
// sequentially consistent fence between its store and its load, so at least one of them sees the
// other's store (checked by tests/model/doorbell.pml). Neither side trusts the other: it checks
// counts before it uses them, and copies bytes out before it parses them.
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

/// The shared words of one direction. Each side's words have a cache line of their own, against
/// false sharing.
struct RingWords {
  // Stored by the writer.
  alignas(64) std::atomic<std::uint64_t> written;  ///< total bytes
  std::atomic<std::uint32_t> writer_waits;         ///< 1: the writer sleeps until there is room
  std::atomic<std::uint32_t> writer_cpu;           ///< the CPU of the writer at its last write
  // Stored by the reader.
  alignas(64) std::atomic<std::uint64_t> read;  ///< total bytes
  std::atomic<std::uint32_t> reader_waits;      ///< 1: the reader sleeps until there are bytes
};

inline constexpr std::size_t kRingBytes = std::size_t{32} << 10;
/// A large message is copied in parts of so many bytes: a reader that is awake copies a part out
/// while the writer copies the next part in.
inline constexpr std::size_t kRingPartBytes = kRingBytes / 4;

/// The first page of a connection's memfd: the words of both directions. Their bytes follow.
struct RingLayout {
  RingWords to_server;
  RingWords to_client;
};
inline constexpr std::size_t kRingHead = 4096;
inline constexpr std::size_t kRingTotal = kRingHead + 2 * kRingBytes;
static_assert(sizeof(RingLayout) <= kRingHead && std::atomic<std::uint64_t>::is_always_lock_free);

/// Addresses of one direction in the mapping of this process.
struct RingView {
  RingWords* words = nullptr;
  std::byte* bytes = nullptr;
};
inline RingView to_server(std::byte* base) {
  return {&reinterpret_cast<RingLayout*>(base)->to_server, base + kRingHead};
}
inline RingView to_client(std::byte* base) {
  return {&reinterpret_cast<RingLayout*>(base)->to_client, base + kRingHead + kRingBytes};
}

/// Returns true if the peer sleeps and the caller must ring the doorbell; clears the flag, so that
/// the peer is woken once. Call it after the store that the peer may wait for.
inline bool must_wake(std::atomic<std::uint32_t>& waits) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return waits.load(std::memory_order_relaxed) != 0 && waits.exchange(0) != 0;
}

class RingWriter {
 public:
  RingWriter() = default;
  explicit RingWriter(RingView view) : view_(view) {}

  /// Returns the free bytes, from a cached copy of the reader's count. Loads the reader's cache
  /// line only if the copy says that the ring is full. Returns nullopt if the peer has corrupted
  /// the count.
  std::optional<std::size_t> room() {
    if (written_ - read_ == kRingBytes) {
      const std::uint64_t read = view_.words->read.load(std::memory_order_acquire);
      if (written_ - read > kRingBytes) return std::nullopt;
      read_ = read;
    }
    return kRingBytes - (written_ - read_);
  }
  /// Returns true if there is room, or if the peer has corrupted the count.
  bool has_room() { return room().value_or(1) > 0; }
  /// Copies in as many bytes as there is room for, from the front. A reader that sleeps does not
  /// see them before publish(). @pre room() has a value. @return the number of bytes copied
  std::size_t put(std::span<const iovec> parts) {
    std::size_t put = 0;
    for (const iovec& part : parts) {
      const std::size_t now = put_one(static_cast<const char*>(part.iov_base), part.iov_len);
      put += now;
      // If room appears now, it is for the rest of this part, not for the next part.
      if (now < part.iov_len) break;
    }
    return put;
  }
  /// Publishes all bytes put so far (release).
  /// @param cpu  the CPU on which this thread runs
  /// @return true if the reader sleeps and the caller must ring the doorbell
  bool publish(std::uint32_t cpu) {
    if (view_.words->writer_cpu.load(std::memory_order_relaxed) != cpu) {
      view_.words->writer_cpu.store(cpu, std::memory_order_relaxed);
    }
    view_.words->written.store(written_, std::memory_order_release);
    return must_wake(view_.words->reader_waits);
  }
  /// Announces that the writer is about to sleep until there is room.
  /// @return false if there is room already: do not sleep
  bool wait_for_room() {
    view_.words->writer_waits.store(1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return written_ - view_.words->read.load(std::memory_order_acquire) == kRingBytes;
  }

 private:
  std::size_t put_one(const char* data, std::size_t bytes) {
    const std::size_t count = std::min(bytes, room().value_or(0));
    std::size_t done = 0;
    for (; count - done > kRingPartBytes; done += kRingPartBytes) {
      copy_in(data + done, kRingPartBytes);
      view_.words->written.store(written_, std::memory_order_release);
    }
    copy_in(data + done, count - done);
    return count;
  }
  void copy_in(const char* data, std::size_t count) {
    const std::size_t at = written_ % kRingBytes;
    const std::size_t first = std::min(count, kRingBytes - at);
    std::memcpy(view_.bytes + at, data, first);
    std::memcpy(view_.bytes, data + first, count - first);
    written_ += count;
  }

  RingView view_;
  std::uint64_t written_ = 0;
  std::uint64_t read_ = 0;  // the reader's count, as last loaded
};

class RingReader {
 public:
  RingReader() = default;
  explicit RingReader(RingView view) : view_(view) {}

  bool empty() const { return view_.words->written.load(std::memory_order_acquire) == read_; }
  /// Returns the CPU on which the writer ran when it last wrote.
  std::uint32_t writer_cpu() const {
    return view_.words->writer_cpu.load(std::memory_order_relaxed);
  }
  /// Copies out as many bytes as fit into `space`; 0 if the ring is empty. The writer gets their
  /// room back with release(). Returns nullopt if the peer has corrupted the count.
  std::optional<std::size_t> take(std::span<char> space) {
    const std::uint64_t available = view_.words->written.load(std::memory_order_acquire) - read_;
    if (available > kRingBytes) return std::nullopt;
    const std::size_t count = std::min<std::size_t>(available, space.size());
    const std::size_t at = read_ % kRingBytes;
    const std::size_t first = std::min(count, kRingBytes - at);
    std::memcpy(space.data(), view_.bytes + at, first);
    std::memcpy(space.data() + first, view_.bytes, count - first);
    read_ += count;
    return count;
  }
  /// Gives the room of all bytes taken so far back to the writer.
  /// @return true if the writer sleeps for room and the caller must ring the doorbell
  bool release() {
    view_.words->read.store(read_, std::memory_order_release);
    return must_wake(view_.words->writer_waits);
  }
  /// Announces that the reader is about to sleep until there are bytes.
  /// @return false if there are bytes already: do not sleep
  bool wait_for_bytes() {
    view_.words->reader_waits.store(1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return empty();
  }

 private:
  RingView view_;
  std::uint64_t read_ = 0;
};

}  // namespace agora::shm
