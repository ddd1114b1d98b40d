// The demo's workers, killed at random while they count: the result is the exact one.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "docs/examples/word_count/check.hpp"
#include "docs/examples/word_count/crew.hpp"
#include "docs/examples/word_count/objects.hpp"
#include "docs/examples/word_count/server_process.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace word_count;
namespace fs = std::filesystem;

/// Files of many thousand words each, in a folder that goes with the server's.
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

/// Workers on this host, of whom one at a time is killed and replaced.
class Mortals {
 public:
  Mortals(const ServerProcess& server, std::mt19937& chance) : server_(server), chance_(chance) {
    for (int n = 0; n < 3; ++n) hire();
  }
  void lose_one() {
    std::uniform_int_distribution<std::size_t> any(0, names_.size() - 1);
    const std::size_t which = any(chance_);
    crew_.kill(names_[which]);
    names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(which));
    hire();
  }
  void join() { crew_.join(); }

 private:
  void hire() {
    names_.push_back("mortal-" + std::to_string(++last_));
    crew_.hire({names_.back(), server_.unix_address(), server_.folder() + "/report"});
  }

  const ServerProcess& server_;
  std::mt19937& chance_;
  Crew crew_;
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
  Mortals workers(server, chance);
  // Bounded, so that a slow host gets on; and no file dies in 16 hands.
  int kills = 0;
  std::uniform_int_distribution<int> pause_ms(0, 20);
  do {
    workers.lose_one();
  } while (++kills < 30 && !objects.jobs.join_for(std::chrono::milliseconds(pause_ms(chance))));
  INFO(kills << " workers were killed");
  objects.jobs.join();
  objects.done.set();
  workers.join();
  CHECK(objects.jobs.dead_letters().empty());

  Counts ours;
  for (const std::string& path : paths) add(ours, objects.counts.at(path));
  CHECK(ours == count_by_tools(paths, server.folder()));
  // The sums moved in the same step as each result: once for each file, never twice.
  CHECK(objects.progress.at("files") == static_cast<std::int64_t>(paths.size()));
  CHECK(objects.progress.at("words") == total(ours));
}
