// Waiting is a record: who, on what, since when, until when; never a blocked thread.
//
// So a blocked call can be listed, cancelled, timed out, and removed when its session ends. All
// queues are first come, first served. Nothing here decides whom to serve; the objects do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/core/command.hpp"
#include "server/core/values.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

struct Object;
class WaitQueue;

/// A parked call.
struct Waiter {
  std::uint64_t serial = 0;  ///< order of arrival over the whole machine
  SessionId session{};
  std::uint64_t tag = 0;
  Object* object = nullptr;
  MethodRef method{};
  std::string owner;
  Instant since{};
  std::optional<Instant> until;

  std::vector<Handle> items;  ///< values that wait to go in (queue.put)
  std::uint64_t number = 0;   ///< how many (queue.get_many)
  Packed key;                 ///< what it waits for (dict.wait_for)

  WaitQueue* queue = nullptr;  ///< where it stands; the links are WaitQueue's
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
};

/// Waiters in order of arrival. Append, front and remove are O(1).
class WaitQueue {
 public:
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  Waiter* front() const { return first_; }
  void push_back(Waiter& waiter);
  void remove(Waiter& waiter);

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
  std::size_t size_ = 0;
};

/// Owns all parked calls. Objects, sessions and deadlines refer to them.
class Waiters {
 public:
  /// Makes a waiter at the end of `queue`. The reference is valid until `remove`.
  Waiter& park(Waiter start, WaitQueue& queue);

  /// Takes it out of its queue, its session and the deadlines, and hands it over.
  std::unique_ptr<Waiter> remove(Waiter& waiter);

  /// The oldest waiter with that mark, if one is parked. O(waiters of the session).
  Waiter* find(SessionId session, std::uint64_t tag);

  /// The oldest waiter of a session, or none. O(log n).
  Waiter* first_of(SessionId session);
  std::size_t count_of(SessionId session) const;

  /// The waiter whose deadline is due at `now`, earliest first; none if there is none.
  Waiter* due(Instant now);
  std::optional<Instant> next_deadline() const;

  std::size_t size() const { return by_serial_.size(); }

  /// All waiters in order of arrival.
  template <typename Visit>
  void each(Visit&& visit) const {
    for (const auto& [serial, waiter] : by_serial_) visit(*waiter);
  }

 private:
  std::uint64_t next_serial_ = 1;
  std::map<std::uint64_t, std::unique_ptr<Waiter>> by_serial_;
  std::map<std::pair<SessionId, std::uint64_t>, Waiter*> by_session_;  // (session, serial)
  std::map<std::pair<Instant, std::uint64_t>, Waiter*> by_deadline_;
  std::map<SessionId, std::size_t> counts_;
};

}  // namespace agora
