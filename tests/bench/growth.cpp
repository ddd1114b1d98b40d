// The rows about many entries: what each costs in memory, and the worst insert on the way there.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <deque>
#include <fstream>
#include <string>
#include <unistd.h>

#include "client/load/agora_protocol.hpp"
#include "client/load/histogram.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"
#include "tests/bench/rows.hpp"

namespace agora::bench {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;
constexpr std::uint64_t kMany = 10 * kMillion;
constexpr std::uint64_t kBatch = 32;
constexpr std::size_t kAhead = 4;
constexpr int kRuns = 5;
/// Entries: where the worst insert is looked for. The generator's virtual CPU is taken away for
/// milliseconds some ten times a run (traced: it hears no timer then, and the server waits), at
/// other places each time. What a server does to itself as it grows it does at the same place in
/// each run, so that the median of the runs at each place shows it.
constexpr std::uint64_t kPlace = 10'000;

/// Batches of inserts, four of 32 always under way, so that the server need not sleep between
/// them. Keys are written over those of the batch before: making each request anew would cost the
/// generator more than it costs the server.
class Inserts {
 public:
  Inserts(const load::Dialect& dialect, int fd) : fd_(fd) {
    const load::Request request =
        dialect.piece({.work = load::Work::set, .value_bytes = 64}, 0, 0).front();
    const std::size_t place = request.bytes.find(load::key_text(0));
    for (std::uint64_t i = 0; i < kBatch; ++i) {
      places_.push_back(bytes_.size() + place);
      bytes_ += request.bytes;
      reply_bytes_ += request.reply_bytes;
    }
  }
  /// Sends a batch with the keys from `first` on, and awaits the oldest one if enough are under
  /// way.
  void send(std::uint64_t first) {
    for (const std::size_t place : places_) {
      std::uint64_t rest = first++ * 0x9e3779b97f4a7c15U;
      for (std::size_t digit = 16; digit-- > 0; rest >>= 4) {
        bytes_[place + digit] = "0123456789abcdef"[rest & 15];
      }
    }
    begun_.push_back(Clock::now());
    load::exchange(fd_, bytes_, 0);
    if (begun_.size() == kAhead) await();
  }
  void finish() {
    while (!begun_.empty()) await();
  }
  /// From the sending of each batch to its whole answer.
  const load::Histogram& times() const { return times_; }
  /// The greatest of them at each place, us.
  const std::vector<double>& worst() const { return worst_; }

 private:
  using Clock = std::chrono::steady_clock;

  void await() {
    load::exchange(fd_, "", reply_bytes_);
    const std::chrono::nanoseconds time = Clock::now() - begun_.front();
    begun_.pop_front();
    times_.record(static_cast<std::uint64_t>(time.count()));
    const std::uint64_t place = answered_ / kPlace;
    answered_ += kBatch;
    if (worst_.size() <= place) worst_.resize(place + 1);
    worst_[place] = std::max(worst_[place], static_cast<double>(time.count()) / 1e3);
  }

  int fd_;
  std::string bytes_;
  std::size_t reply_bytes_ = 0;
  std::vector<std::size_t> places_;
  std::deque<Clock::time_point> begun_;
  load::Histogram times_;
  std::uint64_t answered_ = 0;  // entries
  std::vector<double> worst_;
};

struct Grown {
  double bytes_at_million = 0;  ///< resident bytes an entry
  double bytes_at_end = 0;
  load::Histogram times;
  std::vector<double> worst;  ///< at each place, us
};

Grown grow(load::Dialect& dialect, const Child& server, int fd, std::uint64_t entries) {
  dialect.prepare(fd, {.work = load::Work::set, .keys = 0});
  Inserts inserts{dialect, fd};
  const std::size_t before = server.resident();
  const auto each = [&](std::uint64_t count) {
    return static_cast<double>(server.resident() - before) / static_cast<double>(count);
  };
  Grown grown;
  for (std::uint64_t key = 0; key < entries; key += kBatch) {
    if (key == kMillion) {
      inserts.finish();
      grown.bytes_at_million = each(key);
    }
    inserts.send(key);
  }
  inserts.finish();
  grown.times = inserts.times();
  grown.worst = inserts.worst();
  grown.bytes_at_end = each(entries);
  ::close(fd);
  return grown;
}

std::uint64_t free_mebibytes() {
  std::ifstream in{"/proc/meminfo"};
  for (std::string word; in >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "MemAvailable:" && in >> kibibytes) return kibibytes / 1024;
  }
  return 0;
}

Figure figure_of(const std::string& what, const std::string& unit, double bound,
                 const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs[i]);
  return {.row = "growth",
          .what = what,
          .peer = "Redis",
          .unit = unit,
          .ours = median(ours),
          .theirs = median(theirs),
          .measured = median(ratios),
          .wanted = at_most(bound)};
}

std::string tail_of(const char* name, const load::Histogram& times) {
  char text[96];
  std::snprintf(text, sizeof text, "%s p99.9 %.0f us, once %.0f us", name,
                static_cast<double>(times.quantile(0.999)) / 1e3,
                static_cast<double>(times.max()) / 1e3);
  return text;
}

/// The worst place, by the median of the runs there.
double worst_of(const std::vector<Grown>& runs) {
  double worst = 0;
  for (std::size_t place = 0; place < runs.front().worst.size(); ++place) {
    std::vector<double> here;
    for (const Grown& run : runs) here.push_back(run.worst[place]);
    worst = std::max(worst, median(here));
  }
  return worst;
}

}  // namespace

void growing(Report& report) {
  // Both together need some 4 GiB at 10 M entries, though never at the same time.
  constexpr std::uint64_t kMebibytesNeeded = 4'096;
  const bool room = free_mebibytes() >= kMebibytesNeeded;
  const std::uint64_t entries = room ? kMany : kMillion + kBatch;
  std::vector<double> our_million, their_million, our_many, their_many;
  std::vector<Grown> our_runs, their_runs;
  load::Histogram our_times, their_times;
  for (int run = 0; run < kRuns; ++run) {
    Agorad agorad{server_cpu()};
    load::AgoraDialect pack;
    Grown ours = grow(pack, agorad.child, connect_unix(agorad.unix_path), entries);
    Redis redis{server_cpu()};
    RespDialect resp_dialect;
    Grown theirs = grow(resp_dialect, redis.child, connect_unix(redis.unix_path), entries);
    our_million.push_back(ours.bytes_at_million), our_many.push_back(ours.bytes_at_end);
    their_million.push_back(theirs.bytes_at_million), their_many.push_back(theirs.bytes_at_end);
    our_times.merge(ours.times), their_times.merge(theirs.times);
    our_runs.push_back(std::move(ours)), their_runs.push_back(std::move(theirs));
  }
  report.add(
      figure_of("memory an entry, 1 M of 16 B + 64 B", "B", 0.8, our_million, their_million));
  if (!room) {
    for (const char* what : {"memory an entry, 10 M of 16 B + 64 B", "worst insert up to 10 M"}) {
      report.leave_out("growth", what, "less than 4 GiB of memory are free");
    }
    return;
  }
  report.add(figure_of("memory an entry, 10 M of 16 B + 64 B", "B", 0.8, our_many, their_many));
  Figure worst = figure_of("worst insert up to 10 M, 128 under way", "us", 1, {worst_of(our_runs)},
                           {worst_of(their_runs)});
  worst.note = tail_of("agora", our_times) + ", " + tail_of("Redis", their_times);
  report.add(worst);
}

}  // namespace agora::bench
