// What operations cost in shared memory, through the public proxies, beside what a program would
// use without agora.
#pragma once

namespace agora::bench {

void shared_memory();
/// Locks of killed processes, and what is left of 10,000 killed clients.
void killed_clients();

}  // namespace agora::bench
