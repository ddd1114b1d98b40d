// SPDX-License-Identifier: MIT

// How the cost of a call grows with the number of connections, entries of a dict, objects, waiting
// calls, and bytes of a value. Each point is interleaved with the first point of its row, and its
// result is the ratio of the costs of a call. Without peers, which are in the other tables.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "client/load/agora_protocol.hpp"
#include "client/load/histogram.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"
#include "tests/bench/rows.hpp"

namespace agora::bench {
namespace {

using load::AgoraProtocol;
using load::Shape;
constexpr double kSeconds = 0.3;

/// One load: connections that each request keys of their own.
class Load {
 public:
  Load(std::string what, load::Protocol& protocol, const Shape& shape, const Agorad& server)
      : what_(std::move(what)) {
    const int first = connect_tcp(server.port);
    protocol.prepare(first, shape);
    ::close(first);
    // The keys of 50 connections exceed the caches; more traffics would slow the generator down.
    constexpr std::size_t kTraffics = 50;
    for (std::size_t i = 0; i < std::min(shape.connections, kTraffics); ++i) {
      traffic_.push_back(load::traffic_of(protocol, shape, i));
    }
    for (std::size_t i = 0; i < shape.connections; ++i) {
      load::Line& line = lines_.emplace_back();
      line.fd = connect_tcp(server.port);
      line.traffic = &traffic_[i % traffic_.size()];
      line.first = i / kTraffics * 37 % line.traffic->batches.size();
    }
  }
  ~Load() {
    for (const load::Line& line : lines_) ::close(line.fd);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  const std::string& what() const { return what_; }
  double rate() const { return load::drive(lines_, until(), nullptr).rate(); }
  load::Histogram latencies() const {
    load::Histogram found;
    load::drive(lines_, until(), &found);
    return found;
  }

 private:
  load::Until until() const {
    return {.seconds = kSeconds, .calls_min = lines_.size() * lines_.front().traffic->calls};
  }

  std::string what_;
  std::vector<load::Traffic> traffic_;
  std::vector<load::Line> lines_;
};

using Loads = std::vector<std::unique_ptr<Load>>;

std::string latency_text(const Load& load) {
  const load::Histogram found = load.latencies();
  char text[64];
  std::snprintf(text, sizeof text, "p50 %.0f us, p99 %.0f us",
                static_cast<double>(found.quantile(0.5)) / 1e3,
                static_cast<double>(found.quantile(0.99)) / 1e3);
  return text;
}

void add_all(Report& report, const std::string& row, const Loads& loads) {
  std::vector<Candidate> candidates;
  for (const auto& load : loads) {
    candidates.push_back({load->what(), [&load] { return load->rate(); }});
  }
  const std::vector<Comparison> comparisons = run_interleaved(candidates);
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    const Comparison& comparison = comparisons[i];
    report.add({.row = row,
                .what = comparison.name,
                .peer = loads.front()->what(),
                .unit = "us",
                .ours = 1e6 / comparison.theirs,
                .theirs = 1e6 / comparison.first,
                .measured = comparison.ratio,
                .note = latency_text(*loads[i + 1])});
  }
}

std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

void connections(Report& report) {
  const Agorad server{server_cpu()};
  Loads loads;
  for (const std::size_t count : {10U, 100U, 1'000U, 10'000U}) {
    AgoraProtocol protocol{"of-" + std::to_string(count)};
    loads.push_back(std::make_unique<Load>("get, " + grouped(count) + " connections", protocol,
                                           Shape{.connections = count}, server));
  }
  add_all(report, "connections", loads);
}

void entries(Report& report) {
  const Agorad server{server_cpu()};
  Loads loads;
  for (const std::uint64_t keys : {1'000U, 10'000U, 100'000U, 1'000'000U, 10'000'000U}) {
    AgoraProtocol protocol{"of-" + std::to_string(keys)};
    loads.push_back(std::make_unique<Load>("get, " + grouped(keys) + " entries", protocol,
                                           Shape{.pipeline = 32, .keys = keys}, server));
  }
  add_all(report, "entries", loads);
}

/// Requests the length of one of many dicts.
class ManyObjects final : public load::Protocol {
 public:
  void prepare(int fd, const Shape& shape) override {
    const auto create = [](std::uint64_t number) {
      return load::agora_call("object.create", {"dict", name(number)});
    };
    // The first reply gives the length of all replies.
    const std::size_t reply = load::agora_reply(fd, create(0)).size();
    load::send_each(fd, shape.keys, [&](std::uint64_t number) {
      return load::Request{create(number), reply};
    });
    length_ = load::agora_reply(fd, load::agora_call("dict.len", {name(0)})).size();
  }
  std::vector<load::Request> piece(const Shape&, std::size_t, std::uint64_t key) const override {
    return {{load::agora_call("dict.len", {name(key)}), length_}};
  }

 private:
  static std::string name(std::uint64_t number) { return load::key_text(number); }

  std::size_t length_ = 0;
};

void objects(Report& report) {
  std::vector<std::unique_ptr<Agorad>> servers;
  Loads loads;
  for (const std::uint64_t count : {10U, 1'000U, 100'000U, 1'000'000U}) {
    servers.push_back(std::make_unique<Agorad>(server_cpu()));
    ManyObjects protocol;
    loads.push_back(std::make_unique<Load>("len of one of " + grouped(count) + " dicts", protocol,
                                           Shape{.pipeline = 32, .keys = count}, *servers.back()));
  }
  add_all(report, "objects", loads);
}

/// Parked calls in one queue of a server, over connections of their own.
class ParkedCalls {
 public:
  ParkedCalls(const Agorad& server, std::size_t count) {
    constexpr std::size_t kEach = 500;
    const std::string call = load::agora_call("queue.get", {"empty"});
    for (std::size_t begun = 0; begun < count; begun += kEach) {
      fds_.push_back(connect_tcp(server.port));
      if (begun == 0) {
        load::agora_reply(fds_.back(), load::agora_call("object.create", {"queue", "empty"}));
      }
      std::string calls;
      for (std::size_t i = 0; i < std::min(kEach, count - begun); ++i) calls += call;
      // The reply to the ping proves that the server has parked the calls before it.
      load::agora_reply(fds_.back(), calls + load::agora_call("ping", {}));
    }
  }
  ~ParkedCalls() {
    for (const int fd : fds_) ::close(fd);
  }
  ParkedCalls(const ParkedCalls&) = delete;
  ParkedCalls& operator=(const ParkedCalls&) = delete;

 private:
  std::vector<int> fds_;
};

void waiters(Report& report) {
  std::vector<std::unique_ptr<Agorad>> servers;
  std::vector<std::unique_ptr<ParkedCalls>> waiting;
  Loads loads;
  for (const std::size_t count : {0U, 1'000U, 10'000U, 100'000U}) {
    servers.push_back(std::make_unique<Agorad>(server_cpu()));
    waiting.push_back(std::make_unique<ParkedCalls>(*servers.back(), count));
    AgoraProtocol protocol;
    loads.push_back(std::make_unique<Load>("get beside " + grouped(count) + " waiting calls",
                                           protocol, Shape{.pipeline = 32}, *servers.back()));
  }
  add_all(report, "waiters", loads);
}

void value_sizes(Report& report) {
  const Agorad server{server_cpu()};
  Loads loads;
  for (const std::size_t bytes : {16U, 256U, 4U << 10, 64U << 10, 1U << 20, 4U << 20}) {
    AgoraProtocol protocol{"of-" + std::to_string(bytes)};
    const Shape shape{.connections = 10, .value_bytes = bytes, .keys = 16};
    loads.push_back(
        std::make_unique<Load>("get, " + grouped(bytes) + " bytes", protocol, shape, server));
  }
  add_all(report, "sizes", loads);
}

}  // namespace

void scaling(Report& report, const Filter& filter) {
  using Row = std::pair<std::string, void (*)(Report&)>;
  for (const auto& [name, run] :
       {Row{"connections", connections}, Row{"entries", entries}, Row{"objects", objects},
        Row{"waiters", waiters}, Row{"sizes", value_sizes}}) {
    if (fits(name, filter)) run(report);
  }
}

}  // namespace agora::bench
