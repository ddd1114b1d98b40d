#include "tests/bench/comparison.hpp"

#include <unistd.h>

namespace agora::bench {

Side::Side(std::unique_ptr<load::Dialect> dialect, const load::Shape& shape,
           const std::function<int()>& dial)
    : dialect_(std::move(dialect)) {
  const int first = dial();
  dialect_->prepare(first, shape);
  ::close(first);
  const bool own = shape.work == load::Work::queue || shape.work == load::Work::lock;
  for (std::size_t i = 0; i < (own ? shape.connections : 1); ++i) {
    traffic_.push_back(load::traffic_of(*dialect_, shape, i));
  }
  for (std::size_t i = 0; i < shape.connections; ++i) {
    load::Line& line = lines_.emplace_back();
    line.fd = dial();
    line.traffic = &traffic_[own ? i : 0];
    // Each begins elsewhere, so that not all ask for the same key at the same time.
    line.first = i * 37 * line.traffic->stride % line.traffic->batches.size();
    load::exchange(line.fd, dialect_->greeting(shape), 0);
  }
}

Side::~Side() {
  for (const load::Line& line : lines_) ::close(line.fd);
}

double Side::run(double seconds) {
  // Large values on many connections: every connection has had a reply, however long that takes.
  const std::uint64_t calls = lines_.size() * lines_.front().traffic->calls;
  return load::drive(lines_, {.seconds = seconds, .calls_min = calls}).rate();
}

std::vector<Outcome> contest(const std::vector<Contender>& contenders, int rounds) {
  std::vector<std::vector<double>> turns(contenders.size());
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const std::size_t whose = round % 2 == 0 ? i : contenders.size() - 1 - i;
      turns[whose].push_back(contenders[whose].turn());
    }
  }
  std::vector<Outcome> outcomes;
  for (std::size_t i = 1; i < contenders.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < turns[i].size(); ++round) {
      ratios.push_back(turns[0][round] / turns[i][round]);
    }
    outcomes.push_back({contenders[i].name, median(turns[0]), median(turns[i]), median(ratios)});
  }
  return outcomes;
}

}  // namespace agora::bench
