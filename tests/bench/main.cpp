// SPDX-License-Identifier: MIT

// agora_bench: benchmarks of speed and memory, each compared with a peer in the same run. See
// README.md here.

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "tests/bench/core_costs.hpp"
#include "tests/bench/echo.hpp"
#include "tests/bench/manager.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/rings.hpp"
#include "tests/bench/rows.hpp"
#include "tests/bench/shared_dict.hpp"
#include "tests/bench/shared_memory.hpp"

namespace agora::bench {
namespace {

struct Single {
  std::string name;
  std::function<void()> run;
};

const std::vector<Single>& singles() {
  static const std::vector<Single> all{
      {"dialogue", dialogue},
      {"core-growth", core_growth},
      {"hand-off", hand_off},
      {"sweep", sweep},
      {"long-queue", long_queue},
      {"long-list", long_list},
      {"opened", opened_session},
      {"shared-dict", shared_dict},
      {"shared-memory", shared_memory},
      {"killed-clients", killed_clients},
      {"rings", rings},
  };
  return all;
}

using Table = void (*)(Report&, const Filter&);

const std::map<std::string, Table>& tables() {
  static const std::map<std::string, Table> all{{"numbers", numbers},
                                                {"matrix", matrix},
                                                {"scaling", scaling},
                                                {"large", large},
                                                {"secure", secure}};
  return all;
}

int run_table(const std::string& name, const Filter& filter, const std::string& json) {
  pin_to(client_cpu());
  raise_descriptors();
  Report report{name};
  tables().at(name)(report, filter);
  report.finish();
  if (!json.empty()) report.write_json(json);
  return 0;
}

int run_singles(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = std::find_if(singles().begin(), singles().end(),
                                    [&](const Single& single) { return single.name == name; });
    if (found == singles().end()) {
      std::cerr << "agora_bench: there is no benchmark " << name
                << "; there are numbers, matrix, scaling, large, secure";
      for (const Single& single : singles()) std::cerr << ", " << single.name;
      std::cerr << '\n';
      return EX_USAGE;
    }
    found->run();
    std::cout << std::flush;
  }
  return 0;
}

int run(const std::vector<std::string>& names, const std::string& json) {
  try {
    if (!tables().contains(names.front())) return run_singles(names);
    return run_table(names.front(), {names.begin() + 1, names.end()}, json);
  } catch (const std::exception& error) {
    std::cerr << "agora_bench: " << error.what() << '\n';
    return EX_SOFTWARE;
  }
}

/// Runs the benchmarks in a child whose scratch directories lie in one of this process. If the
/// child is interrupted its servers die with it, and this process removes their files.
int run_cleanly(const std::vector<std::string>& names, const std::string& json) {
  const Scratch scratch;
  ::setenv("TMPDIR", scratch.path().c_str(), 1);
  static pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::exit(run(names, json));
  }
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    std::signal(number, [](int) { ::kill(child, SIGKILL); });
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

}  // namespace
}  // namespace agora::bench

int main(int argc, char** argv) {
  using namespace agora::bench;
  if (argc == 3 && std::string{argv[1]} == "--serve-echo") serve_echo(argv[2]);
  CLI::App app{"Benchmarks beside peers; without a name: numbers", "agora_bench"};
  std::vector<std::string> names{"numbers"};
  std::string json;
  app.add_option(
      "names", names,
      "numbers, matrix, scaling, large or secure, with substrings of the rows to run; or single "
      "benchmarks");
  app.add_option("--json", json, "Write the results of a table to this file as well");
  CLI11_PARSE(app, argc, argv);
  return run_cleanly(names, json);
}
