// SPDX-License-Identifier: MIT

// KeptReplies: the reply cache of an opened session. It makes each call take effect at most once,
// however often the client sends it.
//
// Call numbers ascend. A changing call leaves a record until the client acknowledges its reply; a
// read leaves one only if its reply gave holds. Records are sorted by number: adding one is usually
// an append, finding one a binary search. Waiting calls are in a map of their own, so a call that
// waits for days does not keep the records of later calls. This class does not know the effects of
// a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/core/methods/caller.hpp"
#include "server/storage/values.hpp"
#include "shared/base/error.hpp"
#include "shared/base/ids.hpp"

namespace agora {

struct Waiter;

/// A call that got its reply, which the client has not acknowledged yet.
struct CallRecord {
  enum class State : std::uint8_t {
    kept,  ///< the record holds the reply
    read,  ///< a reading call whose reply gave holds: a resent call reads again
  };
  std::uint64_t number = 0;
  State state = State::kept;
  std::string result;              ///< kept: the value, unless it is in `blob` or `error`
  BlobRef blob{};                  ///< kept
  std::unique_ptr<Error> error{};  ///< kept
  std::unique_ptr<ReplyContext> context{};

  /// Returns the bytes of the reply, for the bound on unacknowledged replies.
  std::size_t bytes() const { return result.size() + blob.view().size() + error_bytes(); }
  /// Returns the bytes of the heap that the record takes, roughly. A blob lies in the arena.
  std::size_t heap_bytes() const;

 private:
  std::size_t error_bytes() const;
};

class KeptReplies {
 public:
  /// @param total  the bytes of the heap that all sessions keep, which this object counts; it must
  ///               outlive it
  explicit KeptReplies(std::size_t& total) : total_(total) {}
  KeptReplies(const KeptReplies&) = delete;
  KeptReplies& operator=(const KeptReplies&) = delete;
  ~KeptReplies() { total_ -= heap_bytes_; }

  /// Most records of reads that gave holds. Beyond that the oldest is dropped; its holds then stay
  /// until the client releases them by name or the session ends.
  static constexpr std::size_t kReadsMax = 65'536;

  /// Returns the record of that number; null if there is none. O(log records).
  CallRecord* find(std::uint64_t number);
  /// Adds the record of a call that got its reply. O(1) if its number is above all others.
  void add(CallRecord record);
  /// Removes a record. Pointers to other records become invalid.
  void forget(std::uint64_t number);

  /// Adds a waiting call.
  void wait(std::uint64_t number, Waiter& waiter) { waiting_[number] = &waiter; }
  /// Removes a waiting call that has got its reply.
  void replied(std::uint64_t number) { waiting_.erase(number); }
  /// Returns the waiter of that call; null if it does not wait.
  Waiter* waiter(std::uint64_t number) const {
    const auto it = waiting_.find(number);
    return it == waiting_.end() ? nullptr : it->second;
  }

  /// Calls `visit(CallRecord&)` for each record up to that number, in order, and removes it.
  template <typename Visit>
  void forget_through(std::uint64_t through, Visit&& visit) {
    while (!records_.empty() && records_.front().number <= through) {
      visit(records_.front());
      uncount(records_.front());
      records_.pop_front();
    }
  }

  /// Calls `visit(CallRecord&)` for each record, in the order of their numbers.
  template <typename Visit>
  void each(Visit&& visit) {
    for (CallRecord& record : records_) visit(record);
  }

  /// Return the number and bytes of kept replies, which the session's limits bound.
  std::size_t kept() const { return kept_; }
  std::size_t kept_bytes() const { return kept_bytes_; }
  /// Returns the bytes of the heap that all records take.
  std::size_t heap_bytes() const { return heap_bytes_; }

 private:
  std::deque<CallRecord>::iterator lower_bound(std::uint64_t number);
  void count(const CallRecord& record);
  void uncount(const CallRecord& record);

  std::size_t& total_;
  std::deque<CallRecord> records_;
  std::map<std::uint64_t, Waiter*> waiting_;
  std::size_t kept_ = 0;
  std::size_t kept_bytes_ = 0;
  std::size_t heap_bytes_ = 0;  // of all records
};

}  // namespace agora
