// What a late reply brings: the caller has given up, and what the server handed out must not stay
// with the session.
#pragma once

#include <string_view>

#include <agora/handle.hpp>

#include "shared/value/packed.hpp"

namespace agora::client {

struct LateReply {
  /// The call that gives back what came; empty: there is nothing to give back.
  std::string_view undo = {};
  Params params = {};
  /// Nothing can give back what came, but the server does it by itself when the session ends,
  /// provided that the reply was never acknowledged.
  bool unacknowledged = false;
};

/// Of a successful reply to that call. Pure.
LateReply late_reply(const Call& call, PackedView result);

}  // namespace agora::client
