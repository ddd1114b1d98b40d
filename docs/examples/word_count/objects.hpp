// SPDX-License-Identifier: MIT

// The shared objects of the demo, which the coordinator and the workers use.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <agora/agora.hpp>

#include "docs/examples/word_count/words.hpp"

namespace word_count {

/// How long a process waits for an event before it checks again whether the work is over.
inline constexpr std::chrono::milliseconds kPollInterval{50};

/// The server detects the death of a worker on its own host at once, and of a worker on another
/// host after this time without a heartbeat. Then it requeues the worker's file and releases its
/// lock.
inline constexpr std::chrono::seconds kHeartbeatTimeout{3};

/// One file to count.
struct Job {
  std::string path;
  /// The first worker that reserves the job stops in the middle of the file, for ever. Only the
  /// demo needs this: its SIGKILL must hit a worker in the middle of a file.
  bool stop_inside = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Job, path, stop_inside)

/// Proxies of all shared objects. The first process creates the objects, the others open them.
struct Objects {
  explicit Objects(const agora::manager& m)
      : jobs(m.queue<Job>("jobs")),
        counts(m.dict<std::string, Counts>("counts")),
        progress(m.dict<std::string, std::int64_t>("progress")),
        stopped(m.dict<std::string, std::string>("stopped")),
        report(m.lock("report")),
        killed(m.event("killed")),
        done(m.event("done")) {}

  agora::queue<Job> jobs;                           // the files still to count
  agora::dict<std::string, Counts> counts;          // the result of each file
  agora::dict<std::string, std::int64_t> progress;  // sums: files, words, redelivered, owner_died
  agora::dict<std::string, std::string> stopped;    // file -> the worker that is stopped in it
  agora::mutex report;                              // guards the report file
  agora::event killed;                              // never set: the stopped worker waits for it
  agora::event done;                                // ends the workers
};

}  // namespace word_count
