#include "tests/bench/results.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <sys/utsname.h>

#include <nlohmann/json.hpp>

#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"

namespace agora::bench {
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 1000 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  return text;
}

std::string verdict(const Figure& figure) {
  if (!figure.wanted) return "";
  return std::string(figure.wanted->at_least ? ">= " : "<= ") + number(figure.wanted->bound) +
         (figure.is_missed() ? "  MISSED" : "  ok");
}

std::string model_of_cpu() {
  std::ifstream in{"/proc/cpuinfo"};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

nlohmann::ordered_json machine() {
  utsname names{};
  ::uname(&names);
  return {{"cpu", model_of_cpu()},
          {"cpus", cpu_count()},
          {"kernel", std::string(names.sysname) + " " + names.release}};
}

nlohmann::ordered_json json_of(const Figure& figure) {
  nlohmann::ordered_json out{{"row", figure.row}, {"what", figure.what}};
  if (!figure.is_left_out()) {
    out["unit"] = figure.unit;
    out["ours"] = figure.ours;
    if (!figure.peer.empty()) out["peer"] = figure.peer, out["theirs"] = figure.theirs;
    out["measured"] = figure.measured;
  }
  if (figure.wanted) {
    out[figure.wanted->at_least ? "at_least" : "at_most"] = figure.wanted->bound;
    out["ok"] = !figure.is_missed();
  }
  if (!figure.note.empty()) out["note"] = figure.note;
  return out;
}

}  // namespace

Report::Report(std::string title) : title_(std::move(title)) {
  std::printf("%s: %d rounds, interleaved, medians; %s\n", title_.c_str(), kRounds,
              cpu_count() > 1 ? "servers on one CPU, the generator on another"
                              : "servers and generator share the only CPU");
}

void Report::add(Figure figure) {
  const std::string beside =
      figure.peer.empty() ? "" : figure.peer + " " + number(figure.theirs) + " " + figure.unit;
  const std::string measured =
      number(figure.measured) + (figure.peer.empty() ? " " + figure.unit : " x");
  std::printf("%-46s %9s %-6s %-28s %12s  %s%s%s\n", figure.what.c_str(),
              figure.peer.empty() ? "" : number(figure.ours).c_str(),
              figure.peer.empty() ? "" : figure.unit.c_str(), beside.c_str(), measured.c_str(),
              verdict(figure).c_str(), figure.note.empty() ? "" : "  ", figure.note.c_str());
  std::fflush(stdout);
  figures_.push_back(std::move(figure));
}

void Report::leave_out(const std::string& row, const std::string& what, const std::string& why) {
  std::printf("%-46s left out: %s\n", what.c_str(), why.c_str());
  std::fflush(stdout);
  figures_.push_back({.row = row, .what = what, .note = "left out: " + why});
}

void Report::finish() const {
  const auto missed = std::count_if(figures_.begin(), figures_.end(),
                                    [](const Figure& figure) { return figure.is_missed(); });
  const auto wanted = std::count_if(figures_.begin(), figures_.end(), [](const Figure& figure) {
    return figure.wanted && !figure.is_left_out();
  });
  std::printf("%zu figures, %ld with a bound, %ld missed\n", figures_.size(),
              static_cast<long>(wanted), static_cast<long>(missed));
}

void Report::write_json(const std::string& path) const {
  nlohmann::ordered_json out{{"title", title_}, {"machine", machine()}, {"rounds", kRounds}};
  for (const Figure& figure : figures_) out["figures"].push_back(json_of(figure));
  std::ofstream file{path};
  file << out.dump(1) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace agora::bench
