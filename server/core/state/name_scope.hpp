// SPDX-License-Identifier: MIT

// NameScope: the objects that a session may use whose client is limited to names with a prefix.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace agora {

class NameScope {
 public:
  explicit NameScope(std::string prefix) : prefix_(std::move(prefix)) {}

  const std::string& prefix() const { return prefix_; }
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }

  /// Returns true if the name begins with the prefix, or is an anonymous object that the session
  /// was given.
  bool allows(std::string_view name) const {
    return name.starts_with(prefix_) || (name.starts_with('#') && given_.contains(name));
  }
  /// Returns true if all names that the pattern matches begin with the prefix.
  bool allows_pattern(std::string_view pattern) const {
    return pattern.substr(0, pattern.find_first_of("*?")).starts_with(prefix_);
  }

  /// Notes that the session was given the anonymous object of that name. When the names have
  /// doubled since the last look, drops the names for which `exists(name)` is false.
  template <typename Exists>
  void give(std::string_view name, const Exists& exists) {
    given_.emplace(name);
    if (given_.size() < look_at_) return;
    std::erase_if(given_, [&](const std::string& each) { return !exists(each); });
    look_at_ = 2 * given_.size() + kLookAtLeast;
  }

 private:
  static constexpr std::size_t kLookAtLeast = 64;

  std::string prefix_;
  std::set<std::string, std::less<>> given_;
  std::size_t look_at_ = kLookAtLeast;
};

}  // namespace agora
