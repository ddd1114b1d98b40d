// SPDX-License-Identifier: MIT

// DeferredCalls: commands that were received but not ordered yet, since they may be expensive.
//
// Each link has a line of its own, first in, first out, so that its order stays. The lines take
// turns: one command of the first line, which then goes to the end.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "server/core/methods/command.hpp"
#include "shared/base/ids.hpp"

namespace agora {

class DeferredCalls {
 public:
  bool empty() const { return lines_.empty(); }
  /// Returns true if no line may run: there is none, or all are blocked.
  bool idle() const { return turns_.empty(); }
  bool holds(LinkId link) const { return lines_.contains(link); }
  /// Returns the memory that the commands keep for their arguments, bytes.
  std::size_t bytes() const { return bytes_; }

  /// Moves the last command of a batch, with its arguments, to the end of its link's line.
  void take_last(Batch& from);
  /// Keeps the line of that link, now and later, from running until unblock().
  void block(LinkId link);
  void unblock(LinkId link);
  void unblock_all();
  /// Returns the link whose turn it is. @pre !idle()
  LinkId next_link() const { return turns_.front(); }
  /// Removes the oldest command of that link and returns it as a batch.
  std::unique_ptr<Batch> pop();

 private:
  std::unordered_map<LinkId, std::deque<std::unique_ptr<Batch>>> lines_;  // none is empty
  std::deque<LinkId> turns_;            // the links that may run, each once
  std::unordered_set<LinkId> blocked_;  // only looked up
  std::size_t bytes_ = 0;
};

}  // namespace agora
