// SPDX-License-Identifier: MIT

// ObjectView: an object in the server's shared memory, which a proxy may access without a call.
//
// namespace agora::detail: no part of the API. A view belongs to one session. It is open only while
// no observer can tell a call from an access in memory. That is: the connection stands, no
// asynchronous or pipelined call of the session is unanswered, this is the process that mapped the
// memory, and the object still exists. Cost of open(): two loads and two comparisons.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

#include "shared/base/keyed_hash.hpp"
#include "shared/shm/cell_reader.hpp"
#include "shared/shm/pages.hpp"

namespace agora::detail {

class Mapping;  // the memory of one session: client/src/memory/mapping.hpp

/// The gate of a session: whether accesses in memory are allowed. It is a word in a page that the
/// kernel zeroes in a forked child, so a child makes calls instead.
namespace gate {
inline constexpr std::uint64_t kOpen = 1;   ///< the connection stands
inline constexpr std::uint64_t kLives = 2;  ///< the session is not known to be over
inline constexpr std::uint64_t kOne = 4;    ///< added for each asynchronous call without a reply
inline constexpr std::uint64_t kQuiet = kOpen | kLives;  ///< accesses are allowed
}  // namespace gate

/// The types of objects that have a view.
enum class ObjectKind : std::uint8_t {
  other,
  dict,
  set,
  namespace_,
  list,
  queue,
  event,
  value,
  array,
  lock,
  rlock
};

/// The hold of a thread of this process on a lock that it took by the lock word. Only that thread
/// writes it, with two exceptions: the end of the session clears it, and so does a later grant of
/// the lock by a call.
struct WordHold {
  static constexpr std::uint64_t held(std::uint32_t slot, std::uint32_t levels) {
    return std::uint64_t{slot} << 32 | levels;
  }
  static constexpr std::uint32_t slot(std::uint64_t holder) {
    return static_cast<std::uint32_t>(holder >> 32);
  }
  static constexpr std::uint32_t levels(std::uint64_t holder) {
    return static_cast<std::uint32_t>(holder);
  }

  std::atomic<std::uint64_t> count{0};   ///< the count in the word when the lock was taken
  std::atomic<std::uint64_t> holder{0};  ///< owner slot and levels; 0 if not held
};

struct ObjectView {
  const std::atomic<std::uint64_t>* gate = nullptr;
  const shm::Cell* cell = nullptr;
  std::uint64_t object = 0;
  std::uint64_t session = 0;
  ObjectKind kind = ObjectKind::other;
  const shm::Pages* pages = nullptr;
  HashKey hash_key{};

  std::byte* words = nullptr;  ///< the words of a value, array or lock; null for other types
  std::size_t count = 0;       ///< the number of elements there
  char typecode = '*';         ///< of a value or array
  bool wraps = false;

  // For a lock only.
  std::uint64_t token_base = 0;
  WordHold* hold = nullptr;
  const std::atomic<std::uint32_t>* lost = nullptr;  ///< see Grants::lost

  std::uint64_t mapping_number = 0;  ///< unique in this process
  std::shared_ptr<Mapping> mapping;
  const ObjectView* older = nullptr;  ///< the view of an earlier session

  bool open() const {
    return gate->load(std::memory_order_acquire) == gate::kQuiet &&
           cell->object.load(std::memory_order_acquire) == object;
  }
  /// Returns true if the words hold elements of that type code.
  bool holds(ObjectKind its_kind, char code) const { return kind == its_kind && typecode == code; }
  /// Returns the size of the object; for an event, 1 if it is set and 0 if not. Returns nullopt if
  /// a writer interfered with each attempt (seqlock).
  std::optional<std::size_t> try_read_size() const {
    std::uint64_t size = 0;
    if (shm::read_size(*cell, object, size) != shm::ReadResult::found) return std::nullopt;
    return size;
  }
  /// Returns the word at an index as an atomic number of type T.
  template <typename T>
  std::atomic<T>& word(std::size_t index = 0) const {
    static_assert(sizeof(std::atomic<T>) == sizeof(T) && std::atomic<T>::is_always_lock_free);
    return reinterpret_cast<std::atomic<T>*>(words)[index];
  }
};

/// Returns a + b, or a - b; integers wrap round, as in std::atomic.
template <typename T>
T sum(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
  } else {
    return a + b;
  }
}
template <typename T>
T difference(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(a) - static_cast<Unsigned>(b));
  } else {
    return a - b;
  }
}

/// Stands in for a word if a T does not fit into one. It is never accessed.
template <typename T>
struct NoWord {
  T load() const { return T(); }
  void store(const T&) const {}
  T exchange(const T&) const { return T(); }
};

/// A compare-and-swap that compares as the server does: floats by value, so -0.0 equals 0.0, and
/// every NaN equals NaN.
template <typename T>
bool compare_exchange(std::atomic<T>& word, T& expected, T desired) {
  T found = word.load();
  for (;;) {
    const bool same = found == expected || (found != found && expected != expected);
    if (!same) {
      expected = found;
      return false;
    }
    if (word.compare_exchange_strong(found, desired)) return true;
  }
}

}  // namespace agora::detail
