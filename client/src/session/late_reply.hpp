// SPDX-License-Identifier: MIT

// The reply to a call whose caller has given up: the session must give back whatever the server
// granted.
#pragma once

#include <agora/detail/handle.hpp>

#include "shared/value/packed.hpp"

namespace agora::detail {

struct LateReply {
  /// The method that gives the grant back; null if there is nothing to give back, or no method for
  /// it.
  const Method* undo = nullptr;
  Params params = {};
  /// The reply delivers items, which session.decline gives back in place of an acknowledgement.
  bool declines = false;
};

/// Returns whether a call is of a kind whose grant can be given back. Pure.
bool can_go_back(const Call& call);

/// Decides what to do about a successful reply to that call. Pure.
LateReply late_reply(const Call& call, PackedView result);

}  // namespace agora::detail
