// SPDX-License-Identifier: MIT

// The wide matrix: every kind of work with every number of connections, pipeline depth, value size
// and transport, compared with every peer that supports it.

#include <algorithm>
#include <array>

#include "client/load/agora_protocol.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"
#include "tests/bench/rows.hpp"

namespace agora::bench {
namespace {

using load::Shape;
using load::Work;
constexpr double kSeconds = 0.2;  // per turn: some 200 cells take a quarter of an hour

const char* name_of(Work work) {
  switch (work) {
    case Work::get:
      return "get";
    case Work::set:
      return "set";
    case Work::incr:
      return "incr";
    case Work::queue:
      return "queue";
    case Work::lock:
      return "lock";
  }
  return "";
}

std::string size_text(std::size_t bytes) {
  if (bytes >= std::size_t{1} << 20) return std::to_string(bytes >> 20) + "MiB";
  if (bytes >= 1024) return std::to_string(bytes >> 10) + "KiB";
  return std::to_string(bytes) + "B";
}

std::string row_of(const Shape& shape, bool on_unix) {
  std::string row = std::string(name_of(shape.work)) + (on_unix ? " unix" : " tcp") + " c" +
                    std::to_string(shape.connections) + " p" + std::to_string(shape.pipeline);
  if (shape.work != Work::incr && shape.work != Work::lock) {
    row += " " + size_text(shape.value_bytes);
  }
  return row;
}

/// Returns the number of keys whose values fill 64 MiB, at most 10,000.
std::uint64_t keys_for(std::size_t value_bytes) {
  constexpr std::uint64_t kBytes = std::uint64_t{64} << 20;
  return std::min<std::uint64_t>(10'000, kBytes / value_bytes);
}

void cell(Report& report, const Shape& shape, bool on_unix) {
  const std::string row = row_of(shape, on_unix);
  constexpr std::size_t kInFlightMax = std::size_t{256} << 20;
  if (shape.connections * shape.pipeline * shape.value_bytes > kInFlightMax) {
    report.skip(row, row, "more than 256 MiB would be under way");
    return;
  }
  const bool cached = shape.work != Work::queue && shape.work != Work::lock;
  Agorad agorad{server_cpu()};
  Redis redis{server_cpu()};
  Memcached memcached{server_cpu(), on_unix};
  Echo echo{server_cpu()};
  std::vector<std::unique_ptr<Side>> sides;
  std::vector<Candidate> candidates;
  const auto add = [&](const char* name, std::unique_ptr<load::Protocol> protocol,
                       const auto& server) {
    sides.push_back(std::make_unique<Side>(std::move(protocol), shape, [&] {
      return on_unix ? connect_unix(server.unix_path) : connect_tcp(server.port);
    }));
    candidates.push_back({name, [side = sides.back().get()] { return side->run(kSeconds); }});
  };
  add("agora", std::make_unique<load::AgoraProtocol>(), agorad);
  add("Redis", std::make_unique<RespProtocol>(), redis);
  if (cached) add("memcached", std::make_unique<MemcachedProtocol>(), memcached);
  if (cached && shape.work != Work::incr) add("bare echo", std::make_unique<EchoProtocol>(), echo);
  for (const Comparison& comparison : run_interleaved(candidates)) {
    report.add({.row = row,
                .what = row,
                .peer = comparison.name,
                .unit = "k/s",
                .ours = comparison.first / 1e3,
                .theirs = comparison.theirs / 1e3,
                .measured = comparison.ratio});
  }
}

}  // namespace

void matrix(Report& report, const Filter& filter) {
  constexpr std::array<std::size_t, 4> kConnections{1, 10, 50, 1000};
  constexpr std::array<std::size_t, 4> kSizes{16, 1024, 64 * 1024, std::size_t{4} << 20};
  for (const Work work : {Work::get, Work::set, Work::incr, Work::queue, Work::lock}) {
    const bool has_values = work != Work::incr && work != Work::lock;
    for (const bool on_unix : {false, true}) {
      for (const std::size_t connections : kConnections) {
        for (const std::size_t pipeline : {std::size_t{1}, std::size_t{32}}) {
          for (const std::size_t size : kSizes) {
            if (!has_values && size != kSizes.front()) continue;
            const Shape shape{work, connections, pipeline, size, keys_for(size)};
            if (fits(row_of(shape, on_unix), filter)) cell(report, shape, on_unix);
          }
        }
      }
    }
  }
}

}  // namespace agora::bench
