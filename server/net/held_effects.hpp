// SPDX-License-Identifier: MIT

// HeldEffects: replies and notices that a connection cannot take yet, because the client has not
// read enough of its output. They are encoded only once there is room. Large stored values are held
// by reference, and equal values in a row share one copy.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "server/core/state/effect.hpp"

namespace agora {

class HeldEffects {
 public:
  bool empty() const { return held_.empty(); }
  /// Returns the bytes of heap memory in use, roughly.
  std::size_t bytes() const { return bytes_; }

  /// Adds a copy of the effect behind all others.
  void add(const Effect& effect, const Effects& effects);

  /// Removes the first effect and calls `visit(const Effect&, PackedView value)` with it. The value
  /// of a failure is absent.
  template <typename Visit>
  void take_first(Visit&& visit) {
    const Held first = std::move(held_.front());
    held_.pop_front();
    bytes_ -= bytes_of(first);  // `visit` may end this object
    const PackedView value = first.effect.blob ? first.effect.blob.view()
                             : first.value     ? PackedView{*first.value}
                                               : PackedView{};
    visit(first.effect, value);
  }

 private:
  struct Held {
    Effect effect;
    std::shared_ptr<const std::string> value;  ///< null for a blob or an error
  };

  /// Returns the bytes of one effect, with its value if no later one shares that.
  static std::size_t bytes_of(const Held& held);

  std::deque<Held> held_;
  std::size_t bytes_ = 0;
};

}  // namespace agora
