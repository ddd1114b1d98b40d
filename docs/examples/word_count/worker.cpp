// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/worker.hpp"

#include <iostream>
#include <mutex>
#include <system_error>
#include <utility>

#include "docs/examples/word_count/interrupt.hpp"
#include "docs/examples/word_count/objects.hpp"
#include "docs/examples/word_count/report.hpp"

namespace word_count {
namespace {

// The coordinator kills this process here, while it holds a reserved file and the lock, and has
// written half a line.
void wait_to_be_killed(const Objects& objects, const WorkerOptions& options,
                       const std::string& path) {
  const std::lock_guard guard(objects.report);
  append_to_report(options.report, path + " is half");
  objects.stopped[path] = options.name;
  objects.killed.wait();
}

Counts count_or_skip(const std::string& path) {
  try {
    return count_words(path);
  } catch (const std::system_error& problem) {
    // The file was readable when the list was made. The check at the end reports missing words.
    std::cerr << problem.what() << '\n';
    return {};
  }
}

void report(const Objects& objects, const WorkerOptions& options, const std::string& line) {
  const std::lock_guard guard(objects.report);
  if (objects.report.owner_died()) {
    repair_report(options.report, options.name + " removed the half line of a dead worker");
    objects.progress.add("owner_died", 1);
  }
  append_to_report(options.report, line + '\n');
}

// Stores the result and the sums and acknowledges the job in one transaction: all of it takes
// effect, or the queue delivers the file to another worker.
void store(const agora::manager& m, const Objects& objects, agora::reservation<Job>& job,
           const Counts& counts) {
  m.atomically([&](agora::transaction& t) {
    t.set(objects.counts, job.item().path, counts);
    t.add(objects.progress, "files", 1);
    t.add(objects.progress, "words", total(counts));
    if (job.deliveries() > 1) t.add(objects.progress, "redelivered", 1);
    t.acknowledge(job);
  });
}

void process_job(const agora::manager& m, const Objects& objects, const WorkerOptions& options,
                 agora::reservation<Job> job) {
  const std::string path = job.item().path;
  if (job.item().stop_inside && job.deliveries() == 1) wait_to_be_killed(objects, options, path);
  const Counts counts = count_or_skip(path);
  store(m, objects, job, counts);
  report(objects, options, options.name + ' ' + std::to_string(total(counts)) + ' ' + path);
}

}  // namespace

void work(const WorkerOptions& options) {
  restore_default_actions();
  const agora::manager m(options.address, {.client = options.name, .ttl = kHeartbeatTimeout});
  const Objects objects(m);
  while (!objects.done.is_set()) {
    if (auto job = objects.jobs.reserve_for(kPollInterval))
      process_job(m, objects, options, std::move(*job));
  }
}

}  // namespace word_count
