// What a late reply brings: the caller has given up, and what the server handed out must not stay
// with the session.
#pragma once

#include <string_view>

#include <agora/detail/handle.hpp>

#include "shared/value/packed.hpp"

namespace agora::detail {

struct LateReply {
  /// The call that gives back what came; empty: there is nothing to give back.
  std::string_view undo = {};
  Params params = {};
  /// Nothing can give back what came, but the server does it by itself when the session ends,
  /// provided that the reply was never acknowledged.
  bool unacknowledged = false;
};

/// Whether the reply of that method hands out something that comes back only while the reply is not
/// acknowledged. Of all others the library itself may say that they have arrived.
bool hands_out(std::string_view method);

/// Of a successful reply to that call. Pure.
LateReply late_reply(const Call& call, PackedView result);

}  // namespace agora::detail
