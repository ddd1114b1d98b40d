// The shared objects of the demo: what the coordinator and the workers meet at.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include <agora/agora.hpp>

#include "docs/examples/word_count/words.hpp"

namespace word_count {

/// How long a process waits at a time before it looks whether the work is over.
inline constexpr std::chrono::milliseconds kTick{50};

/// A worker on this host is known to be dead at once, one on another host after so long without a
/// sign of life: then its file and its lock pass on.
inline constexpr std::chrono::seconds kLifeSign{3};

/// One file to count.
struct Job {
  std::string path;
  /// The first worker that takes it stops in the middle of it, for ever. A real program has no such
  /// thing: it makes sure that the demo's SIGKILL hits a worker that is in the middle of a file.
  bool stop_inside = false;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Job, path, stop_inside)

/// Proxies of all of them. Whoever comes first makes the objects, the others open them.
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
  agora::dict<std::string, std::int64_t> progress;  // "files", "words", "again", "told": sums
  agora::dict<std::string, std::string> stopped;    // in which file which worker stands still
  agora::mutex report;                              // guards the report file
  agora::event killed;                              // never set: where the stopped worker waits
  agora::event done;                                // ends the workers
};

}  // namespace word_count
