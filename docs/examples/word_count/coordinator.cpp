// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/coordinator.hpp"

#include <algorithm>
#include <stdexcept>

#include "docs/examples/word_count/interrupt.hpp"
#include "docs/examples/word_count/telnet_client.hpp"

namespace word_count {
namespace {

constexpr std::size_t kBatchSize = 1000;
constexpr int kViewPolls = 60;  // three seconds

}  // namespace

Coordinator::Coordinator(const agora::manager& m, std::uint16_t port, WorkerPool& workers,
                         Screen& screen)
    : manager_(m), objects_(m), port_(port), workers_(workers), screen_(screen) {}

Counts Coordinator::run(const std::vector<std::string>& paths) {
  enqueue(paths);
  kill_a_worker();
  wait_until_all_are_counted();
  objects_.done.set();
  workers_.join();
  const auto owner_died = objects_.progress.get_or("owner_died", 0);
  screen_.line("the file  was delivered to another worker; files redelivered: " +
               std::to_string(objects_.progress.get_or("redelivered", 0)));
  screen_.line("the lock  passed on; workers that got owner_died: " + std::to_string(owner_died));
  return sum(paths);
}

void Coordinator::enqueue(const std::vector<std::string>& paths) {
  all_ = paths.size();
  stop_path_ = paths[paths.size() / 2];
  std::vector<Job> jobs;
  for (const std::string& path : paths) {
    jobs.push_back({path, path == stop_path_});
    if (jobs.size() < kBatchSize && &path != &paths.back()) continue;
    objects_.jobs.push_many(jobs);
    jobs.clear();
  }
}

void Coordinator::kill_a_worker() {
  const std::string victim = wait_for_the_stopped_worker();
  wait_for_the_other_workers();
  print_telnet_session(victim);
  workers_.kill(victim);
  screen_.line("kill -9   " + victim + " in the middle of " + stop_path_);
}

std::string Coordinator::wait_for_the_stopped_worker() {
  for (;;) {
    if (const auto worker = objects_.stopped.wait_for(stop_path_, kPollInterval)) return *worker;
    check_progress();
  }
}

// Waits until the telnet session has waiting calls to show. The result does not depend on it.
void Coordinator::wait_for_the_other_workers() {
  for (int tick = 0; tick < kViewPolls; ++tick) {
    const auto waiting =
        manager_.call<std::map<std::string, agora::any>>("object.info", objects_.report)["waiters"];
    const std::size_t waiters = waiting.if_is<std::size_t>().value_or(0);
    if (waiters + 1 >= workers_.running() || objects_.counts.size() + 1 >= all_) return;
    pause();
  }
}

void Coordinator::print_telnet_session(const std::string& victim) {
  screen_.line(victim + " (process " + std::to_string(workers_.pid_of(victim)) +
               ") is stopped in the middle of a file. `telnet 127.0.0.1 " + std::to_string(port_) +
               "` now shows:");
  TelnetClient telnet(port_);
  for (const char* line : {"server.locks", "queue.size jobs", "server.waits"}) {
    screen_.line(std::string("    ") + line);
    screen_.line("    " + telnet.call(line));
  }
}

void Coordinator::wait_until_all_are_counted() {
  while (objects_.counts.size() < all_) pause();
  check_progress();
  screen_.progress(all_, all_, objects_.progress.get_or("words", 0));
  screen_.end_progress();
}

void Coordinator::check_progress() {
  throw_if_interrupted();
  if (workers_.running() == 0)
    throw std::runtime_error("all workers have ended; their errors are above");
  screen_.progress(static_cast<std::size_t>(objects_.progress.get_or("files", 0)), all_,
                   objects_.progress.get_or("words", 0));
}

// Pauses by waiting for an event that no process of the demo sets before the end.
void Coordinator::pause() {
  if (objects_.done.wait_for(kPollInterval))
    throw std::runtime_error("another client set the event done");
  check_progress();
}

Counts Coordinator::sum(const std::vector<std::string>& paths) const {
  Counts counts;
  for (const std::string& path : paths) add(counts, objects_.counts.at(path));
  return counts;
}

}  // namespace word_count
