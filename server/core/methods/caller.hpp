// Who made a call, and where its answer goes.
#pragma once

#include <cstdint>

#include "server/core/methods/command.hpp"
#include "shared/base/ids.hpp"

namespace agora {

constexpr std::uint64_t kNoId = ~std::uint64_t{0};
constexpr std::uint64_t kNotification = kNoId - 1;  ///< an id of a call that nobody hears

struct Caller {
  SessionId session{};
  LinkId link{};               ///< where the call was last heard; none: nowhere now
  std::uint64_t tag = 0;       ///< that connection's own mark
  std::uint64_t number = 0;    ///< the call's number in an opened session; 0: it has none
  std::uint64_t wire = kNoId;  ///< the id as it came, where it is a natural number
  MethodRef method{};

  /// A notification: what it gives reaches nobody.
  bool is_notification() const { return wire == kNotification; }
};

}  // namespace agora
