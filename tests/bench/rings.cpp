// SPDX-License-Identifier: MIT

#include "tests/bench/rings.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/bench/peers.hpp"

namespace agora::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 7;
constexpr int kCalls = 10'000;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Returns the microseconds of a write, which no shared-memory read can replace.
double call_cost(const agora::dict<std::string, std::string>& d, const std::string& value) {
  const auto begin = Clock::now();
  for (int i = 0; i < kCalls; ++i) d.insert_or_assign("key", value);
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / kCalls;
}

void compare(const char* where, const std::string& address, double wanted) {
  agora::manager through_rings(address);
  agora::manager over_socket(address, {.shared_memory = false});
  const auto ring = through_rings.dict<std::string, std::string>("d");
  const auto socket = over_socket.dict<std::string, std::string>("d");
  const std::string value(64, 'v');
  std::vector<double> by_ring, by_socket, ratios;
  for (int round = 0; round < kRounds; ++round) {
    by_ring.push_back(call_cost(ring, value));
    by_socket.push_back(call_cost(socket, value));
    ratios.push_back(by_ring.back() / by_socket.back());
  }
  std::printf("rings        %s: %.2f us a call, over the socket %.2f us, ratio %.2f", where,
              median(by_ring), median(by_socket), median(ratios));
  wanted > 0 ? std::printf(" (at most %.2f)\n", wanted) : std::printf("\n");
}

}  // namespace

void rings() {
  Agorad anywhere{-1};
  compare("unpinned", "unix:" + anywhere.unix_path, 0);
  if (cpu_count() > 1) {
    Agorad other{0};
    pin_to(1);
    compare("two CPUs", "unix:" + other.unix_path, 1.0 / 3);
  }
  Agorad same{0};
  pin_to(0);
  compare("one CPU", "unix:" + same.unix_path, 1.2);
}

}  // namespace agora::bench
