// KeptReplies: what an opened session remembers of its calls, so that each takes effect at most
// once however often it is sent.
//
// Calls are numbered upwards. A changing call leaves a record until its reply is acknowledged; a
// waiting call has one while it waits; a read leaves one only if its reply gave holds. Records
// stand in the order of their numbers, so entering one is an append and finding one a binary
// search. Nothing here knows what a call did.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "server/core/values.hpp"
#include "shared/base/error.hpp"
#include "shared/base/ids.hpp"

namespace agora {

/// What hangs on a reply beside its value; few replies have any.
struct CallTies {
  std::vector<ObjectId> handed;  ///< objects that count what they gave until it is acknowledged
  std::vector<ObjectId> held;    ///< anonymous objects on which the reply gave holds
};

/// One call that is not forgotten yet.
struct CallRecord {
  enum class State : std::uint8_t {
    waiting,    ///< no answer yet
    kept,       ///< the answer is here
    read,       ///< a reading call: a resend reads again
    forgotten,  ///< acknowledged, and not yet at the front
  };
  std::uint64_t number = 0;
  State state = State::kept;
  std::string result;              ///< kept: the value, unless it is a blob or an error
  BlobRef blob{};                  ///< kept
  std::unique_ptr<Error> error{};  ///< kept
  std::unique_ptr<CallTies> ties{};

  std::size_t bytes() const { return result.size() + blob.view().size(); }
};

class KeptReplies {
 public:
  /// The record of that number, or none. O(log records).
  CallRecord* find(std::uint64_t number);

  /// Makes a record. Its number is above all others, but for that of a call that is made again.
  CallRecord& enter(std::uint64_t number, CallRecord::State state);
  /// A record has its answer, whole: counts it.
  void keep(CallRecord& record, CallRecord::State state);
  /// Forgets a record; trim() gives back its place.
  void forget(CallRecord& record);
  void trim();

  /// Calls `visit(CallRecord&)` for each record up to that number that does not wait, then forgets
  /// it. Each record is met once.
  template <typename Visit>
  void forget_through(std::uint64_t through, Visit&& visit);

  /// All that are not forgotten, in the order of their numbers.
  template <typename Visit>
  void each(Visit&& visit) {
    for (CallRecord& record : records_) {
      if (record.state != CallRecord::State::forgotten) visit(record);
    }
  }

  /// Kept answers, and their bytes: what the session's bound counts.
  std::size_t kept() const { return kept_; }
  std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  std::deque<CallRecord>::iterator place(std::uint64_t number);
  void uncount(const CallRecord& record);

  std::deque<CallRecord> records_;
  std::size_t kept_ = 0;
  std::size_t kept_bytes_ = 0;
};

template <typename Visit>
void KeptReplies::forget_through(std::uint64_t through, Visit&& visit) {
  using Is = CallRecord::State;
  while (!records_.empty() && records_.front().number <= through) {
    CallRecord& first = records_.front();
    if (first.state == Is::waiting) break;
    if (first.state != Is::forgotten) visit(first);
    uncount(first);
    records_.pop_front();
  }
  // Behind one that waits, places stay until it has gone.
  for (CallRecord& record : records_) {
    if (record.number > through) break;
    if (record.state == Is::waiting || record.state == Is::forgotten) continue;
    visit(record);
    forget(record);
  }
}

}  // namespace agora
