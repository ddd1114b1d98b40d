#include "docs/examples/word_count/worker.hpp"

#include <iostream>
#include <mutex>
#include <system_error>

#include "docs/examples/word_count/interrupt.hpp"
#include "docs/examples/word_count/objects.hpp"
#include "docs/examples/word_count/report.hpp"

namespace word_count {
namespace {

// The coordinator will kill this process here: with a noted file, the lock, and half a line.
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

void do_job(const Objects& objects, const WorkerPlace& place, const Job& job) {
  objects.taken[job.path] = place.name;
  if (job.stop_inside) stand_still(objects, place, job.path);
  const Counts counts = count_or_nothing(job.path);
  const std::int64_t words = total(counts);
  objects.counts[job.path] = counts;
  objects.progress.add("files", 1);
  objects.progress.add("words", words);
  report(objects, place, place.name + ' ' + std::to_string(words) + ' ' + job.path);
}

}  // namespace

void work(const WorkerPlace& place) {
  let_interrupts_end_this();
  const agora::manager m(place.address);
  const Objects objects(m);
  while (!objects.done.is_set()) {
    if (const auto job = objects.jobs.pop_for(kTick)) do_job(objects, place, *job);
  }
}

}  // namespace word_count
