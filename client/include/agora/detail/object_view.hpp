// ObjectView: what a proxy sees of its object in the server's memory, and may touch without a call.
//
// Part of the seam below the proxies, no part for users. A view belongs to one session, and is
// open only while nothing tells a call from a look: the connection stands, no asynchronous or
// pipelined call of the session is unanswered, this is the process that mapped the memory, and the
// object still exists. Cost of looking whether it is: two loads and two comparisons.
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

/// Whether a session may go past the server: a word in a page that a forked child finds zeroed.
namespace gate {
inline constexpr std::uint64_t kOpen = 1;   ///< the connection stands
inline constexpr std::uint64_t kLives = 2;  ///< the session is not known to be over
inline constexpr std::uint64_t kOne = 4;    ///< for each asynchronous call without an answer
inline constexpr std::uint64_t kQuiet = kOpen | kLives;  ///< nothing else: go ahead
}  // namespace gate

/// What types there are to look at.
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

/// How a thread of this process has a lock by its word. Only that thread writes it, but for the
/// session's end, which takes it all back.
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

  std::atomic<std::uint64_t> count{0};   ///< the word's, when it was taken
  std::atomic<std::uint64_t> holder{0};  ///< its slot, and how often it has taken it; 0: nobody
};

struct ObjectView {
  const std::atomic<std::uint64_t>* gate = nullptr;
  const shm::Cell* cell = nullptr;
  std::uint64_t object = 0;
  std::uint64_t session = 0;
  ObjectKind kind = ObjectKind::other;
  const shm::Pages* pages = nullptr;
  HashKey hash_key{};

  std::byte* words = nullptr;  ///< of value, array and lock; null: none
  std::size_t count = 0;       ///< elements there
  char typecode = '*';         ///< of value and array
  bool wraps = false;

  // Of a lock.
  std::uint64_t token_base = 0;
  WordHold* hold = nullptr;
  const std::atomic<std::uint32_t>* lost = nullptr;  ///< grants of this process that were lost

  std::uint64_t mapping_number = 0;  ///< names the mapping among all of this process
  std::shared_ptr<Mapping> mapping;
  const ObjectView* older = nullptr;  ///< of an earlier session

  bool open() const {
    return gate->load(std::memory_order_acquire) == gate::kQuiet &&
           cell->object.load(std::memory_order_acquire) == object;
  }
  /// Whether a T lies at its words, that being the server's code for it.
  bool holds(ObjectKind its_kind, char code) const { return kind == its_kind && typecode == code; }
  /// What one look tells of any object: its size; of an event, whether it is set. Nothing: it
  /// changed each time.
  std::optional<std::size_t> try_read_size() const {
    std::uint64_t size = 0;
    if (shm::read_size(*cell, object, size) != shm::ReadResult::found) return std::nullopt;
    return size;
  }
  /// The word at a place, as an atomic number of type T.
  template <typename T>
  std::atomic<T>& word(std::size_t place = 0) const {
    static_assert(sizeof(std::atomic<T>) == sizeof(T) && std::atomic<T>::is_always_lock_free);
    return reinterpret_cast<std::atomic<T>*>(words)[place];
  }
};

/// a + b and a - b; integers wrap round, as in std::atomic.
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

/// What stands for a word where a T cannot lie in one.
template <typename T>
struct NoWord {
  T load() const { return T(); }
  void store(const T&) const {}
  T exchange(const T&) const { return T(); }
};

/// As the server compares: floats by value, so that -0.0 is 0.0, and one NaN is every NaN.
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
