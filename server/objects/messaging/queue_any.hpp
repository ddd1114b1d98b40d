// SPDX-License-Identifier: MIT

// queue.get_any and queue.reserve_any: one item from the first of several queues that has one.
#pragma once

#include "server/core/methods/method.hpp"

namespace agora {

Outcome queue_get_any(Call& call);
Outcome queue_reserve_any(Call& call);

}  // namespace agora
