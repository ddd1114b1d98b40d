// SPDX-License-Identifier: MIT

// Transaction: the undo log of a run of calls, and the work deferred until it commits.
//
// A rollback runs the undo steps in reverse order. Dropped values stay in the arena until the end,
// so that a step can restore their handles. No waiter is served and no notice is sent before the
// commit.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "server/core/state/object.hpp"
#include "shared/value/packed.hpp"

namespace agora {

struct Transaction {
  std::vector<std::function<void()>> undo_steps;  ///< each reverts one change
  std::vector<Handle> dropped;                    ///< values to drop
  std::vector<Packed> released;                   ///< values whose references are to be released
  std::vector<std::unique_ptr<State>> discarded;  ///< content that is no longer reachable
  std::vector<Object*> removed;                   ///< objects to delete
  std::vector<std::function<void()>> on_commit;   ///< run by the commit, in this order
  std::vector<std::function<void()>> on_finish;   ///< run by end(), after commit or rollback
  std::size_t detached_bytes = 0;  ///< of table entries that the undo steps keep until the end

  /// Reverts all changes, the last one first.
  void roll_back() {
    while (!undo_steps.empty()) {
      const std::function<void()> step = std::move(undo_steps.back());
      undo_steps.pop_back();
      step();
    }
  }

  /// Runs the on_finish steps. Called last of all, when the content of all objects is final.
  void end() {
    for (const auto& step : on_finish) step();
  }
};

}  // namespace agora
