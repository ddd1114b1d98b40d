// SPDX-License-Identifier: MIT

// The coordinator: enqueues the files, kills a worker on purpose, and sums the counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "docs/examples/word_count/objects.hpp"
#include "docs/examples/word_count/screen.hpp"
#include "docs/examples/word_count/worker_pool.hpp"

namespace word_count {

/// Runs the demo once over one list of files.
class Coordinator {
 public:
  /// @param port  the TCP port of the server, for the telnet session
  Coordinator(const agora::manager& m, std::uint16_t port, WorkerPool& workers, Screen& screen);

  /// Lets the workers count all files, kills one worker in the middle of a file, and returns the
  /// sum of all counts. Joins the workers before it returns.
  /// @param paths  at least one
  /// @throws Interrupted; std::runtime_error  all workers have ended; agora::error
  Counts run(const std::vector<std::string>& paths);

 private:
  void enqueue(const std::vector<std::string>& paths);
  void kill_a_worker();
  std::string wait_for_the_stopped_worker();
  void wait_for_the_other_workers();
  void print_telnet_session(const std::string& victim);
  void wait_until_all_are_counted();
  void check_progress();
  void pause();
  Counts sum(const std::vector<std::string>& paths) const;

  agora::manager manager_;
  Objects objects_;
  std::uint16_t port_;
  WorkerPool& workers_;
  Screen& screen_;
  std::size_t all_ = 0;    // number of files
  std::string stop_path_;  // a worker is killed in the middle of this file
};

}  // namespace word_count
