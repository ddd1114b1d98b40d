// SPDX-License-Identifier: MIT

#include "tests/bench/comparison.hpp"

#include <unistd.h>

namespace agora::bench {

Side::Side(std::unique_ptr<load::Protocol> protocol, const load::Shape& shape,
           const std::function<int()>& dial)
    : protocol_(std::move(protocol)) {
  const int first = dial();
  protocol_->prepare(first, shape);
  ::close(first);
  const bool own = shape.work == load::Work::queue || shape.work == load::Work::lock;
  for (std::size_t i = 0; i < (own ? shape.connections : 1); ++i) {
    traffic_.push_back(load::traffic_of(*protocol_, shape, i));
  }
  for (std::size_t i = 0; i < shape.connections; ++i) {
    load::Line& line = lines_.emplace_back();
    line.fd = dial();
    line.traffic = &traffic_[own ? i : 0];
    // Connections start at different offsets, so that they do not request the same key at once.
    line.first = i * 37 * line.traffic->stride % line.traffic->batches.size();
    load::exchange(line.fd, protocol_->greeting(shape), 0);
  }
}

Side::~Side() {
  for (const load::Line& line : lines_) ::close(line.fd);
}

double Side::run(double seconds) {
  // With large values on many connections the run lasts until every connection has had a reply.
  const std::uint64_t calls = lines_.size() * lines_.front().traffic->calls;
  return load::drive(lines_, {.seconds = seconds, .calls_min = calls}).rate();
}

std::vector<Comparison> run_interleaved(const std::vector<Candidate>& candidates, int rounds) {
  std::vector<std::vector<double>> turns(candidates.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const std::size_t index = round % 2 == 0 ? i : candidates.size() - 1 - i;
      turns[index].push_back(candidates[index].turn());
    }
  }
  std::vector<Comparison> comparisons;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < turns[i].size(); ++round) {
      ratios.push_back(turns[0][round] / turns[i][round]);
    }
    comparisons.push_back({candidates[i].name, median(turns[0]), median(turns[i]), median(ratios)});
  }
  return comparisons;
}

}  // namespace agora::bench
