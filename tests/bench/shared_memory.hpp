// SPDX-License-Identifier: MIT

// Benchmarks of operations in shared memory, through the proxies, and of killed clients.
#pragma once

namespace agora::bench {

void shared_memory();
/// Measures how soon the lock of a killed process is free, and the remains of 10,000 killed
/// clients.
void killed_clients();

}  // namespace agora::bench
