// SPDX-License-Identifier: MIT

// PendingLogins: the connections that have to log in and have not. It bounds their number and their
// time, so that clients without a key do not keep out those with one.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "shared/base/ids.hpp"
#include "shared/base/time.hpp"

namespace agora {

class PendingLogins {
 public:
  struct Bounds {
    std::size_t all = 1;         ///< connections of all addresses
    std::size_t of_address = 1;  ///< connections of one address
    Duration time{};             ///< until a connection is closed
  };

  explicit PendingLogins(Bounds bounds) : bounds_(bounds) {}

  /// Adds a connection. @return the connection that has to close for it, if there are too many: the
  /// oldest one of the address, or else of all. It is not pending any more.
  std::optional<LinkId> add(LinkId link, const std::string& address, Instant now);
  /// Removes a connection that has logged in or ended, if it is pending.
  void remove(LinkId link);
  /// Removes and returns a connection whose time is over, or nullopt if there is none.
  std::optional<LinkId> expired(Instant now);
  /// Returns when the next connection's time is over, or nullopt if none is pending.
  std::optional<Instant> next_deadline() const;

  std::size_t size() const { return links_.size(); }

 private:
  struct Entry {
    LinkId link;
    Instant since;
    std::string address;
  };
  using Place = std::list<Entry>::iterator;

  Bounds bounds_;
  std::list<Entry> entries_;  // the oldest first
  std::unordered_map<LinkId, Place> links_;
  std::unordered_map<std::string, std::list<LinkId>> addresses_;  // of each, the oldest first
};

}  // namespace agora
