// SPDX-License-Identifier: MIT

// agora_demo: counts the words of all text files below a directory with three worker processes,
// kills one of them in the middle of a file, and compares the result with an independent count.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <unistd.h>

#include "docs/examples/word_count/check.hpp"
#include "docs/examples/word_count/coordinator.hpp"
#include "docs/examples/word_count/interrupt.hpp"
#include "docs/examples/word_count/report.hpp"
#include "docs/examples/word_count/screen.hpp"
#include "docs/examples/word_count/server_process.hpp"
#include "docs/examples/word_count/text_files.hpp"
#include "docs/examples/word_count/worker_pool.hpp"

namespace {

using namespace word_count;

enum Exit { kEqual = 0, kFailed = 1, kWrongUse = 2, kInterrupted = 130 };

void print_files(Screen& screen, const TextFiles& files, const std::string& directory) {
  std::string line =
      "files     " + std::to_string(files.paths.size()) + " text files below " + directory;
  const auto left_out = [&](std::size_t count, const char* why) {
    if (count > 0) line += "; left out: " + std::to_string(count) + why;
  };
  left_out(files.binary, " binary");
  left_out(files.unreadable, " unreadable");
  left_out(files.unnamed, " whose name is not UTF-8");
  screen.line(line);
}

void start_workers(Screen& screen, WorkerPool& workers, const ServerProcess& server,
                   const std::string& report) {
  const std::string local = server.unix_address();
  workers.start({"worker-1", local, report});
  workers.start({"worker-2", local, report});
  workers.start({"worker-3", server.tcp_address(), report});
  screen.line("server    " + local + " and " + server.tcp_address());
  screen.line("workers   worker-1 and worker-2 by Unix socket, worker-3 by TCP as another host");
}

void print_top(Screen& screen, const Counts& counts) {
  screen.line("the top words:");
  for (const auto& [word, count] : top(counts, 10)) {
    std::ostringstream line;
    line << std::setw(9) << count << ' ' << word;
    screen.line(line.str());
  }
}

int print_check(Screen& screen, const Counts& ours, const Counts& expected) {
  const std::string sizes =
      std::to_string(ours.size()) + " different words, " + std::to_string(total(ours)) + " in all";
  const auto wrong = differences(ours, expected, 5);
  if (wrong.empty()) {
    screen.line("check     " + sizes + ": equal to tr | sort | uniq -c");
    return kEqual;
  }
  screen.line("check     " + sizes + ": NOT equal to tr | sort | uniq -c:");
  for (const std::string& line : wrong) screen.line("          " + line);
  return kFailed;
}

int run(const std::string& directory) {
  Screen screen;
  const TextFiles files = find_text_files(directory);
  print_files(screen, files, directory);
  if (files.paths.empty()) {
    screen.line("nothing to count");
    return kEqual;
  }
  const ServerProcess server;
  const std::string report = server.folder() + "/report";
  WorkerPool workers;
  start_workers(screen, workers, server, report);
  const agora::manager m(server.unix_address());
  Coordinator coordinator(m, server.port(), workers, screen);
  const Counts counts = coordinator.run(files.paths);
  const ReportState written = check_report(report);
  screen.line("report    " + std::to_string(written.lines) + " lines, " +
              (written.whole ? "all of them whole" : "the last one broken"));
  print_top(screen, counts);
  return print_check(screen, counts, count_by_tools(files.paths, server.folder()));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "/usr/share/common-licenses";
  if (argc > 2 || directory == "-h" || directory == "--help") {
    (argc > 2 ? std::cerr : std::cout)
        << "usage: agora_demo [DIR]\nCounts the words of all text files below DIR.\n";
    return argc > 2 ? kWrongUse : kEqual;
  }
  catch_interrupts();
  try {
    return run(directory);
  } catch (const NotADirectory& problem) {
    std::cerr << "agora_demo: " << problem.what() << '\n';
    return kWrongUse;
  } catch (const Interrupted&) {
    std::cerr << "agora_demo: interrupted\n";
    return kInterrupted;
  } catch (const std::exception& problem) {
    std::cerr << "agora_demo: " << problem.what() << '\n';
    return kFailed;
  }
}
