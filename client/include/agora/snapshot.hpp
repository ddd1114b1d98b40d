// SPDX-License-Identifier: MIT

// snapshot_iterator: range-for over a shared container walks a copy taken in one atomic step.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace agora {

/// A forward iterator that owns (shares) the copy it walks over; its end is std::default_sentinel.
template <typename T>
class snapshot_iterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using pointer = const T*;
  using reference = const T&;

  snapshot_iterator() = default;
  explicit snapshot_iterator(std::vector<T> elements)
      : elements_(std::make_shared<const std::vector<T>>(std::move(elements))) {}

  const T& operator*() const { return (*elements_)[index_]; }
  const T* operator->() const { return &(*elements_)[index_]; }
  snapshot_iterator& operator++() {
    ++index_;
    return *this;
  }
  snapshot_iterator operator++(int) {
    auto before = *this;
    ++index_;
    return before;
  }
  friend bool operator==(const snapshot_iterator& a, const snapshot_iterator& b) {
    return a.elements_ == b.elements_ && a.index_ == b.index_;
  }
  friend bool operator==(const snapshot_iterator& a, std::default_sentinel_t) {
    return a.elements_ == nullptr || a.index_ == a.elements_->size();
  }

 private:
  std::shared_ptr<const std::vector<T>> elements_;
  std::size_t index_ = 0;
};

}  // namespace agora
