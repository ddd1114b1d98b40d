// SPDX-License-Identifier: MIT

// Benchmark of lookups in a dict in the server's memory, by a reader that maps it.
#pragma once

namespace agora::bench {

void shared_dict();

}  // namespace agora::bench
