// SPDX-License-Identifier: MIT

#include <string_view>
#include <utility>

#include <agora/barrier.hpp>

#include "client/src/proxies/state_members.hpp"

namespace agora {

using detail::member;
using detail::Members;

barrier_state barrier::state_of(detail::Reply reply) const {
  const auto members = take<Members>(detail::methods::barrier_state.name, std::move(reply));
  return {member<std::int64_t>(members, "parties"), member<std::int64_t>(members, "waiting"),
          member<bool>(members, "broken")};
}

}  // namespace agora
