// SPDX-License-Identifier: MIT

// Strong typedefs of ids: an ObjectId cannot be passed where a SessionId is expected.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace agora {

template <typename Tag>
struct Id {
  std::uint64_t number = 0;  ///< 0 means none
  auto operator<=>(const Id&) const = default;
  explicit operator bool() const { return number != 0; }
};

using LinkId = Id<struct LinkTag>;        ///< one connection, never reused
using SessionId = Id<struct SessionTag>;  ///< a client's presence on the server
using ObjectId = Id<struct ObjectTag>;    ///< one object, never reused

}  // namespace agora

template <typename Tag>
struct std::hash<agora::Id<Tag>> {
  std::size_t operator()(agora::Id<Tag> id) const noexcept {
    return std::hash<std::uint64_t>{}(id.number);
  }
};
