// The reply of a call whose caller has given up: what the server granted must not stay with the
// session.
#pragma once

#include <agora/detail/handle.hpp>

#include "shared/value/packed.hpp"

namespace agora::detail {

struct LateReply {
  /// The call that gives the grant back; null: there is nothing to give back.
  const Method* undo = nullptr;
  Params params = {};
  /// No call gives the items back. The server requeues them when the session ends, provided that
  /// the client never acknowledges the reply.
  bool unacknowledged = false;
};

/// Decides what to do about a successful reply to that call. Pure.
LateReply late_reply(const Call& call, PackedView result);

}  // namespace agora::detail
