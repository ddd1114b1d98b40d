// Mapping: the server's memory in this process, for one session. See
// docs/protocol/shared-memory.md.
//
// The descriptors come over a connection of their own, so that the session's connection is read
// without room for them. What lies there stays mapped for as long as any proxy may look at it; the
// gate says when it may. Every failure means that the session does without: never an error.
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
  /// Maps all there is, for that session, by the deadline. Null: it cannot be. Then the session
  /// may say session.unmap, in case the server believes otherwise.
  static std::shared_ptr<Mapping> open(const Address& address, const SessionName& session,
                                       const Deadline& deadline);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  /// Maps what has been added since; false if that failed. Any thread.
  bool grow(const Deadline& deadline);

  /// The same if the server says that there is more, without waiting for another thread that does.
  /// Not at once again after it failed.
  void grow_if_behind();

  const shm::Pages& pages() const { return pages_; }
  HashKey hash_key() const { return hash_key_; }
  /// The address of words; null if they are not mapped.
  std::byte* words(std::uint32_t place, std::size_t bytes) const;
  /// Names this mapping among all that this process ever has.
  std::uint64_t number() const { return number_; }

  // The gate, see view.hpp. Any thread.
  const std::atomic<std::uint64_t>& gate() const { return *gate_; }
  void open_gate() { gate_->fetch_or(gate::kOpen); }
  void close_gate() { gate_->fetch_and(~gate::kOpen); }
  /// The session is over: for good.
  void end() { gate_->fetch_and(~(gate::kOpen | gate::kLives)); }
  void call_started() { gate_->fetch_add(gate::kOne); }
  void call_answered() { gate_->fetch_sub(gate::kOne); }

  // Locks and the threads that take them.

  /// How threads of this process have a lock of this session: the same for all views on it, and
  /// kept until each of them has let it go.
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
  /// The session is over: what threads of this process held by the word alone, each told once.
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
  bool grow_alone(const Deadline& deadline);
  bool take(std::span<const int> descriptors, const std::vector<std::vector<any>>& extents);

  const Address address_;
  const SessionName session_;
  const std::uint64_t number_;
  HashKey hash_key_;
  std::atomic<std::uint64_t>* gate_ = nullptr;
  std::mutex growing_;
  Deadline not_before_ = Clock::time_point::min();  // grow_if_behind does nothing
  std::atomic<std::size_t> extents_{0};             // mapped so far
  std::atomic<const shm::Cell*> memory_{nullptr};   // its size says how many there are
  std::vector<std::pair<void*, std::size_t>> maps_;
  shm::Pages pages_;
  shm::Pages words_;
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::uint64_t, std::unique_ptr<Lock>> locks_;
  std::unordered_map<std::uint32_t, std::string> slots_;
};

}  // namespace agora::detail
