// SPDX-License-Identifier: MIT

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

std::string verdict(const Result& result) {
  if (!result.bound) return "";
  return std::string(result.bound->at_least ? ">= " : "<= ") + number(result.bound->limit) +
         (result.is_missed() ? "  MISSED" : "  ok");
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

nlohmann::ordered_json json_of(const Result& result) {
  nlohmann::ordered_json out{{"row", result.row}, {"what", result.what}};
  if (!result.is_skipped()) {
    out["unit"] = result.unit;
    out["ours"] = result.ours;
    if (!result.peer.empty()) out["peer"] = result.peer, out["theirs"] = result.theirs;
    out["measured"] = result.measured;
  }
  if (result.bound) {
    out[result.bound->at_least ? "at_least" : "at_most"] = result.bound->limit;
    out["ok"] = !result.is_missed();
  }
  if (!result.note.empty()) out["note"] = result.note;
  return out;
}

}  // namespace

Report::Report(std::string title) : title_(std::move(title)) {
  std::printf("%s: %d rounds, interleaved, medians; %s\n", title_.c_str(), kRounds,
              cpu_count() > 1 ? "servers on one CPU, the generator on another"
                              : "servers and generator share the only CPU");
}

void Report::add(Result result) {
  const std::string beside =
      result.peer.empty() ? "" : result.peer + " " + number(result.theirs) + " " + result.unit;
  const std::string measured =
      number(result.measured) + (result.peer.empty() ? " " + result.unit : " x");
  std::printf("%-46s %9s %-6s %-28s %12s  %s%s%s\n", result.what.c_str(),
              result.peer.empty() ? "" : number(result.ours).c_str(),
              result.peer.empty() ? "" : result.unit.c_str(), beside.c_str(), measured.c_str(),
              verdict(result).c_str(), result.note.empty() ? "" : "  ", result.note.c_str());
  std::fflush(stdout);
  results_.push_back(std::move(result));
}

void Report::skip(const std::string& row, const std::string& what, const std::string& why) {
  std::printf("%-46s left out: %s\n", what.c_str(), why.c_str());
  std::fflush(stdout);
  results_.push_back({.row = row, .what = what, .note = "left out: " + why});
}

void Report::finish() const {
  const auto missed = std::count_if(results_.begin(), results_.end(),
                                    [](const Result& result) { return result.is_missed(); });
  const auto bounded = std::count_if(results_.begin(), results_.end(), [](const Result& result) {
    return result.bound && !result.is_skipped();
  });
  std::printf("%zu results, %ld with a bound, %ld missed\n", results_.size(),
              static_cast<long>(bounded), static_cast<long>(missed));
}

void Report::write_json(const std::string& path) const {
  nlohmann::ordered_json out{{"title", title_}, {"machine", machine()}, {"rounds", kRounds}};
  for (const Result& result : results_) out["figures"].push_back(json_of(result));
  std::ofstream file{path};
  file << out.dump(1) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace agora::bench
