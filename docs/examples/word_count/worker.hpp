// SPDX-License-Identifier: MIT

// A worker process: takes files from the queue until the event `done` is set.
#pragma once

#include <string>

namespace word_count {

/// The parameters of a worker.
struct WorkerOptions {
  std::string name;     ///< the name of the worker, and of its session
  std::string address;  ///< the address of the server, `unix:/path` or `tcp://host:port`
  std::string report;   ///< the path of the shared report file
};

/// Runs a worker until all files are done. It reserves a file, counts its words, and stores the
/// counts and acknowledges the file in one transaction. A file whose worker dies is therefore
/// counted exactly once. Then the worker reports the file.
/// @throws agora::error  the connection to the server is lost.
void work(const WorkerOptions& options);

}  // namespace word_count
