// A worker: takes files from the queue until the event says that all is done.
#pragma once

#include <string>

namespace word_count {

/// Who a worker is, and where it works.
struct WorkerPlace {
  std::string name;     ///< its name in the dict of taken files
  std::string address;  ///< of the server, `unix:/path` or `tcp://host:port`
  std::string report;   ///< the path of the shared report file
};

/// The worker's whole life. Each file is reserved and counted; storing its counts and saying that
/// it is done are one step, so a worker that dies leaves nothing undone and nothing done twice.
/// Then the file is reported.
/// @throws agora::error  the server is gone.
void work(const WorkerPlace& place);

}  // namespace word_count
