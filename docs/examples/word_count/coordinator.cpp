#include "docs/examples/word_count/coordinator.hpp"

#include <algorithm>
#include <stdexcept>

#include "docs/examples/word_count/interrupt.hpp"
#include "docs/examples/word_count/telnet_view.hpp"

namespace word_count {
namespace {

constexpr std::size_t kJobsAtOnce = 1000;
constexpr int kTicksForTheView = 60;  // three seconds

}  // namespace

Coordinator::Coordinator(const agora::manager& m, std::uint16_t port, Crew& crew, Screen& screen)
    : manager_(m), objects_(m), port_(port), crew_(crew), screen_(screen) {}

Counts Coordinator::run(const std::vector<std::string>& paths) {
  hand_out(paths);
  lose_a_worker();
  wait_until_all_is_counted();
  objects_.done.set();
  crew_.join();
  const auto told = objects_.progress.get_or("told", 0);
  screen_.line("the file  was given to another worker; files given again: " +
               std::to_string(objects_.progress.get_or("again", 0)));
  screen_.line("the lock  passed on; workers told that its owner died: " + std::to_string(told));
  return sum(paths);
}

void Coordinator::hand_out(const std::vector<std::string>& paths) {
  all_ = paths.size();
  stop_path_ = paths[paths.size() / 2];
  std::vector<Job> jobs;
  for (const std::string& path : paths) {
    jobs.push_back({path, path == stop_path_});
    if (jobs.size() < kJobsAtOnce && &path != &paths.back()) continue;
    objects_.jobs.push_many(jobs);
    jobs.clear();
  }
}

void Coordinator::lose_a_worker() {
  const std::string victim = wait_until_one_stands_still();
  wait_until_the_others_wait();
  show_telnet_view(victim);
  crew_.kill(victim);
  screen_.line("kill -9   " + victim + " in the middle of " + stop_path_);
}

std::string Coordinator::wait_until_one_stands_still() {
  for (;;) {
    if (const auto worker = objects_.stopped.wait_for(stop_path_, kTick)) return *worker;
    keep_watch();
  }
}

// Only so that the person at telnet has something to see; it does not matter if it never happens.
void Coordinator::wait_until_the_others_wait() {
  for (int tick = 0; tick < kTicksForTheView; ++tick) {
    const auto waiting =
        manager_.call<std::map<std::string, agora::any>>("object.info", objects_.report)["waiters"];
    const std::size_t waiters = waiting.if_is<std::size_t>().value_or(0);
    if (waiters + 1 >= crew_.working() || objects_.counts.size() + 1 >= all_) return;
    wait_a_tick();
  }
}

void Coordinator::show_telnet_view(const std::string& victim) {
  screen_.line(victim + " (process " + std::to_string(crew_.pid_of(victim)) +
               ") stands still in a file. What a person sees now at `telnet 127.0.0.1 " +
               std::to_string(port_) + "`:");
  TelnetView telnet(port_);
  for (const char* line : {"server.locks", "queue.size jobs", "server.waits"}) {
    screen_.line(std::string("    ") + line);
    screen_.line("    " + telnet.type(line));
  }
}

void Coordinator::wait_until_all_is_counted() {
  while (objects_.counts.size() < all_) wait_a_tick();
  keep_watch();
  screen_.progress(all_, all_, objects_.progress.get_or("words", 0));
  screen_.end_progress();
}

void Coordinator::keep_watch() {
  throw_if_interrupted();
  if (crew_.working() == 0) throw std::runtime_error("no worker is left; why is said above");
  screen_.progress(static_cast<std::size_t>(objects_.progress.get_or("files", 0)), all_,
                   objects_.progress.get_or("words", 0));
}

// The event is not set yet, so waiting for it is a pause that a person at telnet can cut short.
void Coordinator::wait_a_tick() {
  if (objects_.done.wait_for(kTick)) throw std::runtime_error("somebody else set the event done");
  keep_watch();
}

Counts Coordinator::sum(const std::vector<std::string>& paths) const {
  Counts counts;
  for (const std::string& path : paths) add(counts, objects_.counts.at(path));
  return counts;
}

}  // namespace word_count
