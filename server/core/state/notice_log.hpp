// SPDX-License-Identifier: MIT

// NoticeLog: the notices that an opened session may not have received yet.
//
// Clients do not acknowledge notices. But notices and replies arrive over one connection in order:
// a client that acknowledges a reply has received all notices sent before it. So the log marks one
// reply at a time. When the client acknowledges that reply, the notices sent before it are
// confirmed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "shared/base/ids.hpp"

namespace agora {

class NoticeLog {
 public:
  /// @param total  the bytes of all logs, which this object counts; it must outlive it
  explicit NoticeLog(std::size_t& total) : total_(total) {}
  NoticeLog(const NoticeLog&) = delete;
  NoticeLog& operator=(const NoticeLog&) = delete;
  ~NoticeLog() { uncount_all(); }

  struct Entry {
    ObjectId object;
    bool of_topic = false;
    std::uint64_t version = 0;
    std::string final_notice;  ///< the last notice of a deleted object, whose feed no longer exists
  };

  /// Adds a notice that was sent, or will be when the session resumes. Leaves it out if the log has
  /// `most` entries: the next logged notice of its object confirms this one too.
  void add(Entry entry, std::size_t most) {
    if (entries_.size() >= most) return;
    total_ += bytes_of(entry);
    entries_.push_back(std::move(entry));
  }

  /// Marks the reply to that call, which is being sent, unless another is marked.
  void reply_sent(std::uint64_t number) {
    if (mark_ != 0 || entries_.empty()) return;
    mark_ = number;
    before_mark_ = entries_.size();
  }

  /// Returns the number of the marked call; 0 if there is none.
  std::uint64_t mark() const { return mark_; }

  /// Ends the mark after its acknowledgement, and calls `visit(Entry&)` for each notice before it.
  template <typename Visit>
  void confirm(Visit&& visit) {
    mark_ = 0;
    for (; before_mark_ > 0; --before_mark_) {
      total_ -= bytes_of(entries_.front());
      visit(entries_.front());
      entries_.pop_front();
    }
  }

  /// Empties the log for a session that has resumed; returns the entries, to be sent again.
  std::deque<Entry> restart() {
    mark_ = 0;
    before_mark_ = 0;
    uncount_all();
    return std::exchange(entries_, {});
  }

 private:
  static std::size_t bytes_of(const Entry& entry) {
    return sizeof(Entry) + entry.final_notice.size();
  }
  void uncount_all() {
    for (const Entry& entry : entries_) total_ -= bytes_of(entry);
  }

  std::size_t& total_;
  std::deque<Entry> entries_;
  std::uint64_t mark_ = 0;       // number of the marked call; 0: none
  std::size_t before_mark_ = 0;  // entries that were sent before the marked reply
};

}  // namespace agora
