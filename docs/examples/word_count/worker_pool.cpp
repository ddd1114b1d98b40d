// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/worker_pool.hpp"

#include <algorithm>
#include <chrono>

namespace word_count {

WorkerPool::~WorkerPool() {
  for (Worker& worker : workers_) worker.process.kill();
}

void WorkerPool::start(const WorkerOptions& options) {
  workers_.push_back({options.name, agora::process([options] { work(options); })});
}

std::size_t WorkerPool::running() {
  const auto count = std::count_if(workers_.begin(), workers_.end(),
                                   [](Worker& worker) { return worker.process.is_alive(); });
  return static_cast<std::size_t>(count);
}

WorkerPool::Worker* WorkerPool::find(const std::string& name) {
  const auto found = std::find_if(workers_.begin(), workers_.end(),
                                  [&](const Worker& worker) { return worker.name == name; });
  return found == workers_.end() ? nullptr : &*found;
}

pid_t WorkerPool::pid_of(const std::string& name) const {
  const auto found = std::find_if(workers_.begin(), workers_.end(),
                                  [&](const Worker& worker) { return worker.name == name; });
  return found == workers_.end() ? 0 : found->process.pid();
}

void WorkerPool::kill(const std::string& name) {
  Worker* worker = find(name);
  if (worker == nullptr) return;
  worker->process.kill();
  worker->process.join();
}

void WorkerPool::join() {
  for (Worker& worker : workers_) {
    if (!worker.process.join_for(std::chrono::seconds(10))) worker.process.kill();
    worker.process.join();
  }
}

}  // namespace word_count
