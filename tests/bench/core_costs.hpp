// What the machine and the dialogue cost without any socket.
#pragma once

namespace agora::bench {

void core_growth();
void dialogue();

}  // namespace agora::bench
