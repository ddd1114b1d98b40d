// agora_demo: counts the words of all text files below a directory with three worker processes,
// loses one of them on the way, and compares the result with an independent count.

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
#include "docs/examples/word_count/crew.hpp"
#include "docs/examples/word_count/interrupt.hpp"
#include "docs/examples/word_count/report.hpp"
#include "docs/examples/word_count/screen.hpp"
#include "docs/examples/word_count/server_process.hpp"
#include "docs/examples/word_count/text_files.hpp"

namespace {

using namespace word_count;

enum Exit { kEqual = 0, kFailed = 1, kWrongUse = 2, kInterrupted = 130 };

void show_files(Screen& screen, const TextFiles& files, const std::string& directory) {
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

void hire(Screen& screen, Crew& crew, const ServerProcess& server, const std::string& report) {
  const std::string local = server.unix_address();
  crew.hire({"worker-1", local, report});
  crew.hire({"worker-2", local, report});
  crew.hire({"worker-3", server.tcp_address(), report});
  screen.line("server    " + local + " and " + server.tcp_address());
  screen.line("workers   worker-1 and worker-2 by Unix socket, worker-3 by TCP as another host");
}

void show_top(Screen& screen, const Counts& counts) {
  screen.line("the top words:");
  for (const auto& [word, count] : top(counts, 10)) {
    std::ostringstream line;
    line << std::setw(9) << count << ' ' << word;
    screen.line(line.str());
  }
}

int judge(Screen& screen, const Counts& ours, const Counts& expected) {
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
  show_files(screen, files, directory);
  if (files.paths.empty()) {
    screen.line("nothing to count");
    return kEqual;
  }
  const ServerProcess server;
  const std::string report = server.folder() + "/report";
  Crew crew;
  hire(screen, crew, server, report);
  const agora::manager m(server.unix_address());
  Coordinator coordinator(m, server.port(), crew, screen);
  const Counts counts = coordinator.run(files.paths);
  const ReportState written = look_at_report(report);
  screen.line("report    " + std::to_string(written.lines) + " lines, " +
              (written.whole ? "all of them whole" : "the last one broken"));
  show_top(screen, counts);
  return judge(screen, counts, count_by_tools(files.paths, server.folder()));
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
  } catch (const NoDirectory& problem) {
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
