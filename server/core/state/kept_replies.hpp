// KeptReplies: what an opened session remembers of its calls, so that each takes effect at most
// once however often it is sent.
//
// Calls are numbered upwards. A changing call leaves a record until its reply is acknowledged; a
// read leaves one only if its reply gave holds. Records stand in the order of their numbers, so
// entering one is an append, as a rule, and finding one a binary search. Calls that wait stand
// apart, so that one which waits for days holds up nothing. Nothing here knows what a call did.
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

/// One call that is answered and not forgotten yet.
struct CallRecord {
  enum class State : std::uint8_t {
    kept,  ///< the answer is here
    read,  ///< a reading call whose reply gave holds: a resend reads again
  };
  std::uint64_t number = 0;
  State state = State::kept;
  std::string result;              ///< kept: the value, unless it is a blob or an error
  BlobRef blob{};                  ///< kept
  std::unique_ptr<Error> error{};  ///< kept
  std::unique_ptr<ReplyContext> context{};

  std::size_t bytes() const { return result.size() + blob.view().size(); }
};

class KeptReplies {
 public:
  /// Reads that are remembered for their holds; beyond, the oldest is forgotten and its holds stay
  /// until they are given back by name or the session ends.
  static constexpr std::size_t kReadsMax = 65'536;

  /// The record of that number, or none. O(log records).
  CallRecord* find(std::uint64_t number);
  /// Enters the record of an answered call. O(1) if its number is above all others.
  void enter(CallRecord record);
  /// Forgets a record. The others may move.
  void forget(std::uint64_t number);

  /// The call waits, or waits no more.
  void wait(std::uint64_t number, Waiter& waiter) { waiting_[number] = &waiter; }
  void answered(std::uint64_t number) { waiting_.erase(number); }
  /// The waiter of that call, or none.
  Waiter* waiter(std::uint64_t number) const {
    const auto it = waiting_.find(number);
    return it == waiting_.end() ? nullptr : it->second;
  }

  /// Calls `visit(CallRecord&)` for each record up to that number, in order, and forgets it.
  template <typename Visit>
  void forget_through(std::uint64_t through, Visit&& visit) {
    while (!records_.empty() && records_.front().number <= through) {
      visit(records_.front());
      uncount(records_.front());
      records_.pop_front();
    }
  }

  /// All records in the order of their numbers.
  template <typename Visit>
  void each(Visit&& visit) {
    for (CallRecord& record : records_) visit(record);
  }

  /// Hold answers, and their bytes: what the session's bound counts.
  std::size_t kept() const { return kept_; }
  std::size_t kept_bytes() const { return kept_bytes_; }

 private:
  std::deque<CallRecord>::iterator place(std::uint64_t number);
  void uncount(const CallRecord& record);

  std::deque<CallRecord> records_;
  std::map<std::uint64_t, Waiter*> waiting_;
  std::size_t kept_ = 0;
  std::size_t kept_bytes_ = 0;
};

}  // namespace agora
