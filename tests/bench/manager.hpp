// SPDX-License-Identifier: MIT

// Benchmarks of the manager: waiter FIFOs, session sweeps, long queues and lists, sessions.
#pragma once

namespace agora::bench {

void hand_off();
void sweep();
void long_queue();
void long_list();
void opened_session();

}  // namespace agora::bench
