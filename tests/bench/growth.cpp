// SPDX-License-Identifier: MIT

// The rows about many entries: the memory of each, and the worst insert during the growth.

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
/// Entries per interval in which the worst insert is recorded. The hypervisor takes the generator's
/// virtual CPU away for milliseconds some ten times a run (traced: no timer fires then, and the
/// server waits), in other intervals each time. A pause that the server causes as it grows comes in
/// the same interval in each run, so the median of the runs in each interval shows it.
constexpr std::uint64_t kIntervalEntries = 10'000;

/// Batches of inserts, four of 32 always in flight, so that the server need not sleep between them.
/// Keys overwrite those of the batch before: encoding each request again would cost the generator
/// more than the request costs the server.
class Inserts {
 public:
  Inserts(const load::Protocol& protocol, int fd) : fd_(fd) {
    const load::Request request =
        protocol.piece({.work = load::Work::set, .value_bytes = 64}, 0, 0).front();
    const std::size_t offset = request.bytes.find(load::key_text(0));
    for (std::uint64_t i = 0; i < kBatch; ++i) {
      key_offsets_.push_back(bytes_.size() + offset);
      bytes_ += request.bytes;
      reply_bytes_ += request.reply_bytes;
    }
  }
  /// Sends a batch with the keys from `first` on, and awaits the oldest batch if enough are in
  /// flight.
  void send(std::uint64_t first) {
    for (const std::size_t offset : key_offsets_) {
      std::uint64_t rest = first++ * 0x9e3779b97f4a7c15U;
      for (std::size_t digit = 16; digit-- > 0; rest >>= 4) {
        bytes_[offset + digit] = "0123456789abcdef"[rest & 15];
      }
    }
    begun_.push_back(Clock::now());
    load::exchange(fd_, bytes_, 0);
    if (begun_.size() == kAhead) await();
  }
  void finish() {
    while (!begun_.empty()) await();
  }
  /// Returns the times from the send of each batch to the end of its replies.
  const load::Histogram& times() const { return times_; }
  /// Returns the greatest of them in each interval, us.
  const std::vector<double>& worst() const { return worst_; }

 private:
  using Clock = std::chrono::steady_clock;

  void await() {
    load::exchange(fd_, "", reply_bytes_);
    const std::chrono::nanoseconds time = Clock::now() - begun_.front();
    begun_.pop_front();
    times_.record(static_cast<std::uint64_t>(time.count()));
    const std::uint64_t interval = inserted_ / kIntervalEntries;
    inserted_ += kBatch;
    if (worst_.size() <= interval) worst_.resize(interval + 1);
    worst_[interval] = std::max(worst_[interval], static_cast<double>(time.count()) / 1e3);
  }

  int fd_;
  std::string bytes_;
  std::size_t reply_bytes_ = 0;
  std::vector<std::size_t> key_offsets_;
  std::deque<Clock::time_point> begun_;
  load::Histogram times_;
  std::uint64_t inserted_ = 0;  // entries
  std::vector<double> worst_;
};

struct Grown {
  double bytes_at_million = 0;  ///< resident bytes per entry
  double bytes_at_end = 0;
  load::Histogram times;
  std::vector<double> worst;  ///< in each interval, us
};

Grown grow(load::Protocol& protocol, const Child& server, int fd, std::uint64_t entries) {
  protocol.prepare(fd, {.work = load::Work::set, .keys = 0});
  Inserts inserts{protocol, fd};
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

Result result_of(const std::string& what, const std::string& unit, double bound,
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
          .bound = at_most(bound)};
}

std::string tail_of(const char* name, const load::Histogram& times) {
  char text[96];
  std::snprintf(text, sizeof text, "%s p99.9 %.0f us, once %.0f us", name,
                static_cast<double>(times.quantile(0.999)) / 1e3,
                static_cast<double>(times.max()) / 1e3);
  return text;
}

/// Returns the greatest median over the runs of all intervals.
double worst_of(const std::vector<Grown>& runs) {
  double worst = 0;
  for (std::size_t interval = 0; interval < runs.front().worst.size(); ++interval) {
    std::vector<double> here;
    for (const Grown& run : runs) here.push_back(run.worst[interval]);
    worst = std::max(worst, median(here));
  }
  return worst;
}

}  // namespace

void growing(Report& report) {
  // Both servers need some 4 GiB at 10 M entries, though never at the same time.
  constexpr std::uint64_t kMebibytesNeeded = 4'096;
  const bool room = free_mebibytes() >= kMebibytesNeeded;
  const std::uint64_t entries = room ? kMany : kMillion + kBatch;
  std::vector<double> our_million, their_million, our_many, their_many;
  std::vector<Grown> our_runs, their_runs;
  load::Histogram our_times, their_times;
  for (int run = 0; run < kRuns; ++run) {
    Agorad agorad{server_cpu()};
    load::AgoraProtocol pack;
    Grown ours = grow(pack, agorad.child, connect_unix(agorad.unix_path), entries);
    Redis redis{server_cpu()};
    RespProtocol resp_protocol;
    Grown theirs = grow(resp_protocol, redis.child, connect_unix(redis.unix_path), entries);
    our_million.push_back(ours.bytes_at_million), our_many.push_back(ours.bytes_at_end);
    their_million.push_back(theirs.bytes_at_million), their_many.push_back(theirs.bytes_at_end);
    our_times.merge(ours.times), their_times.merge(theirs.times);
    our_runs.push_back(std::move(ours)), their_runs.push_back(std::move(theirs));
  }
  report.add(
      result_of("memory an entry, 1 M of 16 B + 64 B", "B", 0.8, our_million, their_million));
  if (!room) {
    for (const char* what : {"memory an entry, 10 M of 16 B + 64 B", "worst insert up to 10 M"}) {
      report.skip("growth", what, "less than 4 GiB of memory are free");
    }
    return;
  }
  report.add(result_of("memory an entry, 10 M of 16 B + 64 B", "B", 0.8, our_many, their_many));
  Result worst = result_of("worst insert up to 10 M, 128 under way", "us", 1, {worst_of(our_runs)},
                           {worst_of(their_runs)});
  worst.note = tail_of("agora", our_times) + ", " + tail_of("Redis", their_times);
  report.add(worst);
}

}  // namespace agora::bench
