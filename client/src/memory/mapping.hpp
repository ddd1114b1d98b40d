// SPDX-License-Identifier: MIT

// Mapping: the server's memory in this process, for one session. See
// docs/protocol/shared-memory.md.
//
// The descriptors come over a connection of their own, so the session's connection needs no room
// for them. The memory stays mapped as long as any proxy may access it; the gate says when access
// is allowed. A failure here is never an error of the program: the session works without shared
// memory instead.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <agora/detail/object_view.hpp>

#include "client/src/transport/address.hpp"
#include "client/src/transport/handshake.hpp"
#include "shared/base/keyed_hash.hpp"
#include "shared/shm/cell.hpp"
#include "shared/shm/lock_word.hpp"
#include "shared/shm/pages.hpp"

namespace agora::detail {

class Mapping {
 public:
  /// Maps all memory that the server shares with that session, by the deadline. Returns null if
  /// that fails. The session then sends session.unmap, in case the server counts it as mapped.
  static std::shared_ptr<Mapping> open(const Address& address, const SessionName& session,
                                       const Deadline& deadline);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  /// Maps memory that the server has added since, and gives up memory that it has released; returns
  /// false if that fails. Any thread.
  bool grow(const Deadline& deadline);

  /// Calls grow() if the server has added or released memory. Does nothing if another thread grows
  /// already, or for 1 s after a failure.
  void grow_if_behind();

  /// Returns true if the server has released memory that is still mapped here. Two loads.
  bool holds_released() const {
    const shm::Cell* const memory = memory_.load();
    return memory != nullptr && memory->version.load() > releases_.load();
  }

  const shm::Pages& pages() const { return pages_; }
  HashKey hash_key() const { return hash_key_; }
  /// Returns the address of words; null if they are not mapped.
  /// @param index  of the first word among all words of the server
  std::byte* words(std::uint32_t index, std::size_t bytes) const;
  /// Identifies this mapping among all that this process ever creates.
  std::uint64_t number() const { return number_; }

  // The gate, see object_view.hpp. Any thread.
  const std::atomic<std::uint64_t>& gate() const { return *gate_; }
  void open_gate() { gate_->fetch_or(gate::kOpen); }
  void close_gate() { gate_->fetch_and(~gate::kOpen); }
  /// Closes the gate for good: the session is over.
  void end() { gate_->fetch_and(~(gate::kOpen | gate::kLives)); }
  /// A pending asynchronous call closes the gate: an access in shared memory could overtake it.
  void add_pending_call() { gate_->fetch_add(gate::kOne); }
  void remove_pending_call() { gate_->fetch_sub(gate::kOne); }

  // Lent locks, and the owner slots of the threads that take them.

  /// Returns the state of a lent lock in this process. All views of the lock in this session share
  /// it. unlocate() of the last view removes it, unless the lock is held; then it lives as long as
  /// the mapping.
  WordHold* word_hold(const ObjectView& view, const std::string& name);
  void unlocate(const ObjectView& view);
  void add_slot(std::uint32_t slot, std::string owner);
  struct HeldLock {
    std::string name;
    ObjectKind kind = ObjectKind::other;
    std::string owner;
    std::uint64_t token = 0;
    std::uint32_t levels = 0;
  };
  /// The session is over: returns the locks that threads of this process held by the lock word
  /// alone. Each lock is returned only once.
  std::vector<HeldLock> lose_locks();

 private:
  struct Lock {
    std::string name;
    ObjectKind kind = ObjectKind::other;
    std::uint64_t token_base = 0;
    std::size_t views = 0;
    WordHold hold;
  };

  Mapping(const Address& address, const SessionName& session);
  bool make_gate();
  bool grow_locked(const Deadline& deadline);
  bool map_extents(std::span<const int> descriptors, const std::vector<std::vector<any>>& extents);
  void unmap_released(std::uint64_t below, std::span<const std::uint64_t> live);
  void* map_extent(std::size_t bytes, int access, int descriptor);

  /// An extent, or the place of one that was given up.
  struct Map {
    std::uint64_t number;  ///< the server's; kNoExtent for a place that is free
    std::size_t first_page;
    std::span<std::byte> bytes;
  };
  static constexpr std::uint64_t kNoExtent = ~std::uint64_t{0};

  const Address address_;
  const SessionName session_;
  const std::uint64_t number_;
  HashKey hash_key_;  // constant once open() has returned
  bool has_hash_key_ = false;
  std::atomic<std::uint64_t>* gate_ = nullptr;
  std::mutex grow_mutex_;
  Deadline not_before_ = Clock::time_point::min();  // grow_if_behind does nothing earlier
  std::atomic<std::uint64_t> extents_{0};           // known so far
  std::atomic<std::uint64_t> releases_{0};          // known so far
  std::atomic<const shm::Cell*> memory_{nullptr};   // numbers of the server's extents, releases
  std::vector<Map> maps_;
  shm::Pages pages_;
  shm::Pages words_;
  mutable std::mutex mutex_;  // guards the members below
  std::unordered_map<std::uint64_t, std::unique_ptr<Lock>> locks_;
  std::unordered_map<std::uint32_t, std::string> slots_;
};

}  // namespace agora::detail
