// SPDX-License-Identifier: MIT

// FailureRate: counts the failed logins of each address within the last minute.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "shared/base/time.hpp"

namespace agora {

class FailureRate {
 public:
  /// Failures within kWindow after which an address is slowed down.
  static constexpr std::size_t kMost = 10;
  static constexpr Duration kWindow = std::chrono::minutes{1};
  /// Addresses that are remembered. The one whose last failure is the oldest gives way.
  static constexpr std::size_t kAddressesMax = 4096;

  /// Counts a failure.
  void note(const std::string& address, Instant now);
  /// Returns true if the address has failed kMost times within kWindow.
  bool is_over(const std::string& address, Instant now) const;

 private:
  struct Record {
    std::string address;
    std::array<Instant, kMost> failures{};  ///< a ring: `next` is the oldest
    std::size_t next = 0;
    std::size_t count = 0;
  };
  std::list<Record> records_;  // the last one to fail first
  std::unordered_map<std::string, std::list<Record>::iterator> by_address_;
};

}  // namespace agora
