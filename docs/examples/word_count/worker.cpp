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

// The coordinator will kill this process here: with a reserved file, the lock, and half a line.
void stand_still(const Objects& objects, const WorkerPlace& place, const std::string& path) {
  const std::lock_guard guard(objects.report);
  append_to_report(place.report, path + " is half");
  objects.stopped[path] = place.name;
  objects.killed.wait();
}

Counts count_or_nothing(const std::string& path) {
  try {
    return count_words(path);
  } catch (const std::system_error& problem) {
    // It was readable when the list was made. The check at the end will tell if words are missing.
    std::cerr << problem.what() << '\n';
    return {};
  }
}

void report(const Objects& objects, const WorkerPlace& place, const std::string& line) {
  const std::lock_guard guard(objects.report);
  if (objects.report.owner_died()) {
    mend_report(place.report, place.name + " mended what a dead worker left here");
    objects.progress.add("told", 1);
  }
  append_to_report(place.report, line + '\n');
}

// The result, the sums and the acknowledgement in one step: all of it happened, or the file comes
// to another worker.
void store(const agora::manager& m, const Objects& objects, agora::reservation<Job>& job,
           const Counts& counts) {
  m.atomically([&](agora::transaction& t) {
    t.set(objects.counts, job.item().path, counts);
    t.add(objects.progress, "files", 1);
    t.add(objects.progress, "words", total(counts));
    if (job.deliveries() > 1) t.add(objects.progress, "again", 1);
    t.acknowledge(job);
  });
}

void do_job(const agora::manager& m, const Objects& objects, const WorkerPlace& place,
            agora::reservation<Job> job) {
  const std::string path = job.item().path;
  if (job.item().stop_inside && job.deliveries() == 1) stand_still(objects, place, path);
  const Counts counts = count_or_nothing(path);
  store(m, objects, job, counts);
  report(objects, place, place.name + ' ' + std::to_string(total(counts)) + ' ' + path);
}

}  // namespace

void work(const WorkerPlace& place) {
  let_interrupts_end_this();
  const agora::manager m(place.address, {.client = place.name, .ttl = kLifeSign});
  const Objects objects(m);
  while (!objects.done.is_set()) {
    if (auto job = objects.jobs.reserve_for(kTick)) do_job(m, objects, place, std::move(*job));
  }
}

}  // namespace word_count
