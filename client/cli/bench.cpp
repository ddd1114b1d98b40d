// SPDX-License-Identifier: MIT

#include "client/cli/bench.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

#include <agora/error.hpp>

#include "client/load/agora_protocol.hpp"
#include "client/load/generator.hpp"
#include "client/src/transport/address.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/socket.hpp"

namespace agora::detail {
namespace {

using load::Work;

[[noreturn]] void refuse(std::string why) {
  throw_error({Errc::value_error, std::move(why), Done::no, {}});
}

Work work_of(const std::string& test) {
  for (const auto& [name, work] : {std::pair{"get", Work::get},
                                   {"set", Work::set},
                                   {"incr", Work::incr},
                                   {"queue", Work::queue},
                                   {"lock", Work::lock}}) {
    if (test == name) return work;
  }
  refuse("there is no test " + test + "; expected get, set, incr, queue or lock");
}

void check_size(const BenchOptions& options) {
  const std::size_t most = kBenchBytesMax / options.connections / options.pipeline;
  if (options.value_bytes <= most) return;
  refuse(
      "connections, pipeline and value size together give more than 1 GiB under way; with these "
      "connections and pipeline a value has at most " +
      std::to_string(most) + " bytes");
}

/// Raises the limit of descriptors to the hard one: a thousand connections exceed the usual soft
/// limit.
void raise_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
}

/// Returns a prefix of object names that no other program uses.
std::string own_prefix() {
  return "agora-bench-" + std::to_string(::getpid()) + "-" + std::to_string(std::random_device{}());
}

double milliseconds(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }

void print(const std::string& test, const load::Driven& driven, const load::Histogram& times,
           bool json) {
  const char* const form =
      json ? "{\"test\":\"%s\",\"requests\":%llu,\"seconds\":%.6f,\"requests_per_second\":%.0f,"
             "\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"max_ms\":%.4f}\n"
           : "%-6s %llu requests in %.3f s: %.0f requests/s, latency p50 %.3f ms, p99 %.3f ms, "
             "max %.3f ms\n";
  std::printf(form, test.c_str(), static_cast<unsigned long long>(driven.calls), driven.seconds,
              driven.rate(), milliseconds(times.quantile(0.5)), milliseconds(times.quantile(0.99)),
              milliseconds(times.max()));
  std::fflush(stdout);
}

void run(const Address& address, const std::string& test, const BenchOptions& options) {
  const load::Shape shape{work_of(test), options.connections, options.pipeline, options.value_bytes,
                          options.keys};
  const auto dial = [&] {
    auto socket = Socket::dial(address, deadline_in(std::chrono::seconds{10}));
    if (!socket) throw_error(socket.error());
    return std::move(*socket);
  };
  const auto maker = dial();  // the objects end with this connection
  load::AgoraProtocol protocol{own_prefix(), true};
  protocol.prepare(maker->fd(), shape);
  const bool own = shape.work == Work::queue || shape.work == Work::lock;
  std::vector<load::Traffic> traffic;
  for (std::size_t i = 0; i < (own ? shape.connections : 1); ++i) {
    traffic.push_back(load::traffic_of(protocol, shape, i));
  }
  std::vector<std::unique_ptr<Socket>> sockets;
  std::vector<load::Line> lines;
  for (std::size_t i = 0; i < shape.connections; ++i) {
    sockets.push_back(dial());
    const load::Traffic& its = traffic[own ? i : 0];
    lines.push_back({sockets.back()->fd(), &its, i * 37 * its.stride % its.batches.size()});
  }
  load::Histogram times;
  const load::Driven driven = load::drive(lines, {.calls = options.requests}, &times);
  protocol.clear(maker->fd());
  print(test, driven, times, options.json);
}

}  // namespace

int bench(const std::string& address, const BenchOptions& options) {
  auto parsed = parse_address(address);
  if (!parsed) throw_error(parsed.error());
  parsed->peer_uid = options.peer_uid;
  check_size(options);
  for (const std::string& test : options.tests) static_cast<void>(work_of(test));
  raise_descriptors();
  for (const std::string& test : options.tests) run(*parsed, test, options);
  return 0;
}

}  // namespace agora::detail
