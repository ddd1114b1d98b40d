// SPDX-License-Identifier: MIT

// Kills the demo's workers at random while they count: the result is exact nevertheless.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "docs/examples/word_count/check.hpp"
#include "docs/examples/word_count/objects.hpp"
#include "docs/examples/word_count/server_process.hpp"
#include "docs/examples/word_count/worker_pool.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace word_count;
namespace fs = std::filesystem;

/// Writes files of 30,000 words each into the server's folder, which is removed with the server.
std::vector<std::string> write_files(const std::string& folder, std::mt19937& chance) {
  std::vector<std::string> paths;
  std::uniform_int_distribution<int> letter('a', 'e');
  for (int file = 0; file < 60; ++file) {
    paths.push_back(folder + "/text-" + std::to_string(file));
    std::ofstream out(paths.back());
    for (int word = 0; word < 30'000; ++word) {
      out << static_cast<char>(letter(chance)) << static_cast<char>(letter(chance)) << ' ';
    }
  }
  return paths;
}

/// Worker processes, of which one at a time is killed and replaced.
class ReplaceableWorkers {
 public:
  ReplaceableWorkers(const ServerProcess& server, std::mt19937& chance)
      : server_(server), chance_(chance) {
    for (int n = 0; n < 3; ++n) start();
  }
  void kill_one() {
    std::uniform_int_distribution<std::size_t> any(0, names_.size() - 1);
    const std::size_t which = any(chance_);
    workers_.kill(names_[which]);
    names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(which));
    start();
  }
  void join() { workers_.join(); }

 private:
  void start() {
    names_.push_back("worker-" + std::to_string(++last_));
    workers_.start({names_.back(), server_.unix_address(), server_.folder() + "/report"});
  }

  const ServerProcess& server_;
  std::mt19937& chance_;
  WorkerPool workers_;
  std::vector<std::string> names_;
  int last_ = 0;
};

}  // namespace

TEST_CASE("words are counted exactly, however many workers are killed", "[examples]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 chance(seed);
  const ServerProcess server;
  const auto paths = write_files(server.folder(), chance);
  const agora::manager m(server.unix_address());
  const Objects objects(m);
  for (const std::string& path : paths) objects.jobs.push({path});
  ReplaceableWorkers workers(server, chance);
  // At most 30 kills, so that a slow host gets on and no file reaches 16 deliveries.
  int kills = 0;
  std::uniform_int_distribution<int> pause_ms(0, 20);
  do {
    workers.kill_one();
  } while (++kills < 30 && !objects.jobs.join_for(std::chrono::milliseconds(pause_ms(chance))));
  INFO(kills << " workers were killed");
  objects.jobs.join();
  objects.done.set();
  workers.join();
  CHECK(objects.jobs.dead_letters().empty());

  Counts ours;
  for (const std::string& path : paths) add(ours, objects.counts.at(path));
  CHECK(ours == count_by_tools(paths, server.folder()));
  // The sums changed in the same transaction as each result: exactly once for each file.
  CHECK(objects.progress.at("files") == static_cast<std::int64_t>(paths.size()));
  CHECK(objects.progress.at("words") == total(ours));
}
