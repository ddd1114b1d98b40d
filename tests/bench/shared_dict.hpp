// What reading a dict in the server's memory costs, beside a map of this process.
#pragma once

namespace agora::bench {

void shared_dict();

}  // namespace agora::bench
