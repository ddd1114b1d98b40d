// SPDX-License-Identifier: MIT

// Benchmarks of the Machine and the Dialogue without sockets.
#pragma once

namespace agora::bench {

void core_growth();
void dialogue();

}  // namespace agora::bench
