// SPDX-License-Identifier: MIT

#include <functional>

#include "client/load/agora_protocol.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"
#include "tests/bench/rows.hpp"

namespace agora::bench {
namespace {

using load::AgoraProtocol;
using load::Shape;
using load::Work;
constexpr double kSeconds = 0.35;

/// The name of a peer, and the bound of the ratio to it.
struct PeerBound {
  std::string name;
  Bound bound;
};

int dial(int port, const std::string& path, bool on_unix) {
  return on_unix ? connect_unix(path) : connect_tcp(port);
}

Candidate turns_of(const std::string& name, Side& side) {
  return {name, [&side] { return side.run(kSeconds); }};
}

void add_all(Report& report, const std::string& row, const std::string& what,
             const std::string& unit, double scale, const std::vector<Comparison>& comparisons,
             const std::vector<PeerBound>& bounds) {
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    report.add({.row = row,
                .what = what,
                .peer = comparisons[i].name,
                .unit = unit,
                .ours = comparisons[i].first / scale,
                .theirs = comparisons[i].theirs / scale,
                .measured = comparisons[i].ratio,
                .bound = bounds[i].bound});
  }
}

/// Get and set, compared with Redis and, without a pipeline, with the bare echo.
void get_set(Report& report, const std::string& row, Work work, std::size_t pipeline,
             bool on_unix) {
  const Shape shape{.work = work, .pipeline = pipeline};
  Agorad agorad{server_cpu()};
  Redis redis{server_cpu()};
  Echo echo{server_cpu()};
  Side ours{std::make_unique<AgoraProtocol>(), shape,
            [&] { return dial(agorad.port, agorad.unix_path, on_unix); }};
  Side theirs{std::make_unique<RespProtocol>(), shape,
              [&] { return dial(redis.port, redis.unix_path, on_unix); }};
  Side floor{std::make_unique<EchoProtocol>(), shape,
             [&] { return dial(echo.port, echo.unix_path, on_unix); }};
  std::vector<Candidate> candidates{turns_of("agora", ours), turns_of("Redis", theirs)};
  std::vector<PeerBound> bounds{{"Redis", at_least(pipeline == 1 ? 1.05 : 2.3)}};
  if (pipeline == 1) {
    candidates.push_back(turns_of("bare echo", floor));
    bounds.push_back({"bare echo", at_least(0.92)});
  }
  const std::string what = std::string(work == Work::get ? "get" : "set") + ", 50 " +
                           (on_unix ? "Unix" : "TCP") + " connections, pipeline " +
                           std::to_string(pipeline);
  add_all(report, row, what, "k/s", 1e3, run_interleaved(candidates), bounds);
}

/// Queue put and get, lock and unlock, compared with Redis and multiprocessing.Manager.
void pairs(Report& report, const std::string& row, Work work) {
  const Shape shape{.work = work, .pipeline = 32};
  Agorad agorad{server_cpu()};
  Redis redis{server_cpu()};
  Manager manager{server_cpu(), client_cpu()};
  Side ours{std::make_unique<AgoraProtocol>(), shape, [&] { return connect_tcp(agorad.port); }};
  Side theirs{std::make_unique<RespProtocol>(), shape, [&] { return connect_tcp(redis.port); }};
  const std::string kind = work == Work::queue ? "queue" : "lock";
  const std::vector<Candidate> candidates{
      turns_of("agora", ours), turns_of("Redis", theirs), {"multiprocessing.Manager", [&] {
                                                             return manager.run(kind, kSeconds);
                                                           }}};
  const std::string what =
      std::string(work == Work::queue ? "queue put+get" : "lock+unlock") + ", 50 TCP, pipeline 32";
  add_all(report, row, what, "k/s", 1e3, run_interleaved(candidates),
          {{"Redis", at_least(2)}, {"multiprocessing.Manager", at_least(50)}});
}

void large_values(Report& report, const std::string& row, Work work) {
  const Shape shape{.work = work, .connections = 4, .value_bytes = std::size_t{4} << 20, .keys = 8};
  Agorad agorad{server_cpu()};
  Redis redis{server_cpu()};
  Side ours{std::make_unique<AgoraProtocol>(), shape, [&] { return connect_tcp(agorad.port); }};
  Side theirs{std::make_unique<RespProtocol>(), shape, [&] { return connect_tcp(redis.port); }};
  add_all(report, row,
          std::string(work == Work::get ? "get" : "set") + " of 4 MiB, 4 TCP connections", "MiB/s",
          0.25, run_interleaved({turns_of("agora", ours), turns_of("Redis", theirs)}),
          {{"Redis", at_least(1)}});
}

void json(Report& report, const std::string& row, Work work) {
  const Shape shape{.work = work, .pipeline = 32};
  Agorad agorad{server_cpu()};
  Side text{std::make_unique<JsonProtocol>(), shape, [&] { return connect_tcp(agorad.port); }};
  Side binary{std::make_unique<AgoraProtocol>(), shape, [&] { return connect_tcp(agorad.port); }};
  add_all(report, row,
          std::string(work == Work::get ? "get" : "set") + " in JSON, 50 TCP, pipeline 32", "k/s",
          1e3, run_interleaved({turns_of("JSON", text), turns_of("MessagePack", binary)}),
          {{"MessagePack", at_least(0.3)}});
}

struct Row {
  std::string name;
  std::function<void(Report&, const std::string& row)> run;
};

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (const bool on_unix : {false, true}) {
    for (const std::size_t pipeline : {std::size_t{1}, std::size_t{32}}) {
      for (const Work work : {Work::get, Work::set}) {
        rows.push_back({std::string(on_unix ? "unix" : "tcp") + "-" + std::to_string(pipeline) +
                            (work == Work::get ? "-get" : "-set"),
                        [=](Report& report, const std::string& row) {
                          get_set(report, row, work, pipeline, on_unix);
                        }});
      }
    }
  }
  rows.push_back({"queue", [](Report& r, const std::string& row) { pairs(r, row, Work::queue); }});
  rows.push_back({"lock", [](Report& r, const std::string& row) { pairs(r, row, Work::lock); }});
  rows.push_back({"etcd-lock", [](Report& r, const std::string&) { etcd_locks(r); }});
  rows.push_back({"round-trip", [](Report& r, const std::string&) { round_trip(r); }});
  rows.push_back({"growth", [](Report& r, const std::string&) { growing(r); }});
  rows.push_back({"flood", [](Report& r, const std::string&) { flooding(r); }});
  rows.push_back({"idle", [](Report& r, const std::string&) { idle_connections(r); }});
  for (const Work work : {Work::get, Work::set}) {
    rows.push_back({work == Work::get ? "large-get" : "large-set",
                    [=](Report& r, const std::string& row) { large_values(r, row, work); }});
  }
  for (const Work work : {Work::get, Work::set}) {
    rows.push_back({work == Work::get ? "json-get" : "json-set",
                    [=](Report& r, const std::string& row) { json(r, row, work); }});
  }
  rows.push_back({"hand-over", [](Report& r, const std::string&) { hand_over(r); }});
  return rows;
}

}  // namespace

bool fits(const std::string& row, const Filter& filter) {
  for (const std::string& word : filter) {
    if (row.find(word) == std::string::npos) return false;
  }
  return true;
}

void numbers(Report& report, const Filter& filter) {
  for (const Row& row : all_rows()) {
    if (fits(row.name, filter)) row.run(report, row.name);
  }
}

}  // namespace agora::bench
