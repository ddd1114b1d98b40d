// SPDX-License-Identifier: MIT

// The rows about many connections: one that floods among well-behaved ones, and ten thousand idle
// ones.

#include <algorithm>
#include <unistd.h>

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
constexpr double kSeconds = 0.5;
constexpr std::size_t kPolite = 50;

const Shape kPoliteShape{.connections = kPolite + 1};
/// Puts and gets of 1 KiB, 512 of them always in flight: the generator sends one half as soon as it
/// has the replies to the other half.
const Shape kFloodShape{
    .work = Work::queue, .connections = 1, .pipeline = 256, .value_bytes = 1024};

/// Returns the calls per second of the slowest well-behaved client.
double slowest(const std::vector<load::Line>& lines) {
  const load::Driven driven = load::drive(lines, {.seconds = kSeconds});
  const auto end = driven.calls_of.begin() + static_cast<std::ptrdiff_t>(kPolite);
  return static_cast<double>(*std::min_element(driven.calls_of.begin(), end)) / driven.seconds;
}

/// Compares the rate of the slowest of 50 well-behaved clients (one get in flight) beside a client
/// that floods with its fair share. The fair share is the rate if the flooding client is a 51st
/// well-behaved one, that is, 1/51 of a server that is always busy.
Comparison flooded(Side& polite, Side& flood) {
  std::vector<load::Line> beside_flood{
      polite.lines().begin(), polite.lines().begin() + static_cast<std::ptrdiff_t>(kPolite)};
  beside_flood.push_back(flood.lines().front());
  beside_flood.back().under_way = 2;
  const Candidate with{"with", [&] { return slowest(beside_flood); }};
  const Candidate fair{"fair share", [&] {
                         return load::drive(polite.lines(), {.seconds = kSeconds}).rate() /
                                static_cast<double>(kPolite + 1);
                       }};
  return run_interleaved({with, fair}).front();
}

void add_flooded(Report& report, const std::string& who, const Comparison& comparison,
                 std::optional<Bound> bound) {
  report.add({.row = "flood",
              .what = "polite one beside a flood, " + who,
              .peer = comparison.name,
              .unit = "k/s",
              .ours = comparison.first / 1e3,
              .theirs = comparison.theirs / 1e3,
              .measured = comparison.ratio,
              .bound = bound});
}

/// Returns the resident bytes for each of `count` connections that have made one call.
double bytes_idle(const Child& server, int port, const std::string& ping, std::size_t reply_bytes,
                  std::size_t count) {
  const int first = connect_tcp(port);
  load::exchange(first, ping, reply_bytes);
  const std::size_t before = server.resident();
  std::vector<int> fds;
  for (std::size_t i = 0; i < count; ++i) {
    fds.push_back(connect_tcp(port));
    load::exchange(fds.back(), ping, reply_bytes);
  }
  const std::size_t after = server.resident();
  for (const int fd : fds) ::close(fd);
  ::close(first);
  return static_cast<double>(after - before) / static_cast<double>(count);
}

}  // namespace

void flooding(Report& report) {
  {
    Agorad agorad{server_cpu()};
    const auto dial = [&] { return connect_tcp(agorad.port); };
    Side polite{std::make_unique<AgoraProtocol>("polite"), kPoliteShape, dial};
    Side flood{std::make_unique<AgoraProtocol>("flood"), kFloodShape, dial};
    add_flooded(report, "agora", flooded(polite, flood), at_least(0.25));
  }
  Redis redis{server_cpu()};
  const auto dial = [&] { return connect_tcp(redis.port); };
  Side polite{std::make_unique<RespProtocol>(), kPoliteShape, dial};
  Side flood{std::make_unique<RespProtocol>(), kFloodShape, dial};
  add_flooded(report, "Redis", flooded(polite, flood), std::nullopt);
}

void idle_connections(Report& report) {
  constexpr std::size_t kCount = 10'000;
  constexpr std::size_t kSpare = 200;
  const std::string what = "memory of an idle connection, 10,000 of them";
  if (const std::size_t most = raise_descriptors(); most < kCount + kSpare) {
    report.skip("idle", what, "the hard limit is " + std::to_string(most) + " descriptors");
    return;
  }
  Agorad agorad{server_cpu()};
  Redis redis{server_cpu()};
  const double ours =
      bytes_idle(agorad.child, agorad.port, load::agora_call("ping", {}), 4 + 5, kCount);
  const double theirs = bytes_idle(redis.child, redis.port, resp({"PING"}), 7, kCount);
  report.add({.row = "idle",
              .what = what,
              .unit = "B",
              .ours = ours,
              .measured = ours,
              .bound = at_most(8192),
              .note = "Redis " + std::to_string(static_cast<long>(theirs)) + " B"});
}

}  // namespace agora::bench
