// SPDX-License-Identifier: MIT

// IdSet: an ordered set of object ids with a small-size optimization.
//
// Most sessions hold one lock at a time, or two. So up to two ids are stored inline and need no
// allocation; more are stored in a std::set.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <set>
#include <utility>

#include "shared/base/ids.hpp"

namespace agora {

class IdSet {
 public:
  bool empty() const { return count_ == 0 && many_ == nullptr; }
  std::size_t size() const { return many_ == nullptr ? count_ : many_->size(); }

  /// Inserts the id, unless the set contains it. O(log n).
  void insert(ObjectId id) {
    if (many_ != nullptr) {
      many_->insert(id);
      return;
    }
    for (std::size_t i = 0; i < count_; ++i) {
      if (few_[i] == id) return;
    }
    if (count_ < few_.size()) {
      few_[count_++] = id;
      if (count_ == 2 && few_[1] < few_[0]) std::swap(few_[0], few_[1]);
      return;
    }
    many_ = std::make_unique<std::set<ObjectId>>(few_.begin(), few_.end());
    many_->insert(id);
    count_ = 0;
  }

  /// Erases the id, if the set contains it. O(log n).
  void erase(ObjectId id) {
    if (many_ != nullptr) {
      many_->erase(id);
      if (many_->empty()) many_.reset();
      return;
    }
    if (count_ == 2 && few_[0] == id) few_[0] = few_[1], few_[1] = id;
    if (count_ > 0 && few_[count_ - 1] == id) --count_;
  }

  /// Calls `visit(ObjectId)` for each id, in ascending order.
  template <typename Visit>
  void each(Visit&& visit) const {
    if (many_ != nullptr) {
      for (const ObjectId id : *many_) visit(id);
    }
    for (std::size_t i = 0; i < count_; ++i) visit(few_[i]);
  }

 private:
  std::array<ObjectId, 2> few_{};
  std::size_t count_ = 0;                     // inline ids; 0 while `many_` is used
  std::unique_ptr<std::set<ObjectId>> many_;  // null, or not empty
};

}  // namespace agora
