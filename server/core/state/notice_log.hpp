// NoticeLog: the notices that an opened session may not have received yet.
//
// Notices are not answered. But they share the connection with replies, in order: who acknowledges
// a reply has received every notice that was sent before it. So one reply at a time is marked, and
// its acknowledgement confirms what stands before the mark.
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
  struct Entry {
    ObjectId object;
    bool of_topic = false;
    std::uint64_t version = 0;
    std::string
        final_notice;  ///< the last notice of an object that is gone: it has no feed any more
  };

  /// A notice was sent, or is to be sent once the session has resumed. Beyond `most` it is not
  /// written down: then what it was about is confirmed by a later one.
  void add(Entry entry, std::size_t most) {
    if (entries_.size() < most) entries_.push_back(std::move(entry));
  }

  /// The reply to that call is on its way.
  void answered(std::uint64_t number) {
    if (mark_ != 0 || entries_.empty()) return;
    mark_ = number;
    before_mark_ = entries_.size();
  }

  /// The number whose acknowledgement confirms something; 0: none.
  std::uint64_t mark() const { return mark_; }

  /// The marked reply has arrived: calls `visit(Entry&)` for each notice sent before it.
  template <typename Visit>
  void confirm(Visit&& visit) {
    mark_ = 0;
    for (; before_mark_ > 0; --before_mark_) {
      visit(entries_.front());
      entries_.pop_front();
    }
  }

  /// The session goes on over another connection: gives what must be said again from here.
  std::deque<Entry> restart() {
    mark_ = 0;
    before_mark_ = 0;
    return std::exchange(entries_, {});
  }

 private:
  std::deque<Entry> entries_;
  std::uint64_t mark_ = 0;
  std::size_t before_mark_ = 0;  // entries
};

}  // namespace agora
