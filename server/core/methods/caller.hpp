// SPDX-License-Identifier: MIT

// The caller of a method, and where its reply goes.
#pragma once

#include <cstdint>
#include <vector>

#include "server/core/methods/command.hpp"
#include "shared/base/ids.hpp"

namespace agora {

constexpr std::uint64_t kNoId = ~std::uint64_t{0};
constexpr std::uint64_t kNotification = kNoId - 1;  ///< the id of a call that gets no reply

struct Caller {
  SessionId session{};
  LinkId link{};               ///< the connection that sent the call last; LinkId{}: it is closed
  std::uint64_t tag = 0;       ///< opaque to the core; returned with the reply
  std::uint64_t number = 0;    ///< the call's number in an opened session; 0: none
  std::uint64_t wire = kNoId;  ///< the id as it was sent; kNoId: not a natural number
  MethodRef method{};

  /// Tells whether the call is a notification: it gets no reply.
  bool is_notification() const { return wire == kNotification; }
};

/// The effects of a reply that depend on its arrival; few replies have any.
struct ReplyContext {
  std::vector<ObjectId> deliveries;  ///< objects that delivered an item and expect a confirmation
  std::vector<ObjectId> holds;       ///< anonymous objects on which the reply gave holds
};

}  // namespace agora
