// SPDX-License-Identifier: MIT

// Benchmark of calls through rings in shared memory, compared with the Unix socket.
#pragma once

namespace agora::bench {

void rings();

}  // namespace agora::bench
