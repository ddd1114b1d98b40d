// Transaction: what a run of calls has done so far, so that it can be taken back whole, and what
// it has put off until it is known to stand.
//
// Steps are undone in reverse order. Values that were dropped stay in the arena until the end, so
// that a step can put their handles back; nobody is served and nothing is announced before.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "server/core/state/object.hpp"
#include "shared/value/packed.hpp"

namespace agora {

struct Transaction {
  std::vector<std::function<void()>> steps;        ///< how to take back what was done
  std::vector<Handle> dropped;                     ///< values to drop
  std::vector<Packed> released;                    ///< values whose references are to be released
  std::vector<std::unique_ptr<State>> given_back;  ///< content that nobody sees any more
  std::vector<Object*> removed;                    ///< objects to delete
  std::vector<std::function<void()>> afterwards;   ///< to do once it stands, in this order
  std::vector<std::function<void()>> at_the_end;   ///< to do last, whether it stands or not

  /// Takes everything back, last step first.
  void roll_back() {
    while (!steps.empty()) {
      const std::function<void()> step = std::move(steps.back());
      steps.pop_back();
      step();
    }
  }

  /// Last of all, when the content of all objects is as it will stay.
  void end() {
    for (const auto& step : at_the_end) step();
  }
};

}  // namespace agora
