// SPDX-License-Identifier: MIT

#include <string_view>
#include <utility>
#include <vector>

#include <agora/shared_mutex.hpp>

#include "client/src/proxies/state_members.hpp"

namespace agora {

using detail::member;
using detail::Members;

shared_mutex_state shared_mutex::state_of(detail::Reply reply) const {
  const auto members = take<Members>(detail::methods::rwlock_state.name, std::move(reply));
  const auto writer = members.find("writer");
  return {static_cast<std::int64_t>(member<std::vector<any>>(members, "readers").size()),
          writer != members.end() && !writer->second.is_null(),
          member<std::int64_t>(members, "waiting")};
}

}  // namespace agora
