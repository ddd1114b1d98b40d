// Calls through rings in shared memory, against the same calls over the Unix socket.
#pragma once

namespace agora::bench {

void rings();

}  // namespace agora::bench
