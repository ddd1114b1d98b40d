// SPDX-License-Identifier: MIT

// The pool of worker processes: starts, kills and joins them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <agora/process.hpp>

#include "docs/examples/word_count/worker.hpp"

namespace word_count {

/// Owns the worker processes. No worker outlives the pool.
class WorkerPool {
 public:
  WorkerPool() = default;
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  /// Kills the workers that still run.
  ~WorkerPool();

  /// Starts a worker process.
  void start(const WorkerOptions& options);

  /// Returns the number of workers that run.
  std::size_t running();
  /// Returns the pid of the worker of that name, or 0 if there is none.
  pid_t pid_of(const std::string& name) const;

  /// Sends SIGKILL to the worker, and waits until its process has ended.
  void kill(const std::string& name);
  /// Waits until all workers have ended. Kills each worker that takes longer than ten seconds.
  void join();

 private:
  struct Worker {
    std::string name;
    agora::process process;
  };
  Worker* find(const std::string& name);

  std::vector<Worker> workers_;
};

}  // namespace word_count
