// SPDX-License-Identifier: MIT

#include "client/cli/bench.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <poll.h>
#include <random>
#include <stdexcept>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <agora/error.hpp>

#include "client/load/agora_protocol.hpp"
#include "client/load/generator.hpp"
#include "client/src/transport/address.hpp"
#include "client/src/transport/channel.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/dial.hpp"
#include "client/src/transport/handshake.hpp"

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

/// A connection on which plain bytes are sent and received. Over TLS a thread passes them on
/// through a pair of sockets, for the few calls before and after the load.
class PlainEnd {
 public:
  explicit PlainEnd(Dialed dialed) : channel_(std::move(dialed)) {
    if (!channel_.is_tls()) return;
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) {
      throw std::runtime_error("no pair of sockets");
    }
    thread_ = std::thread([this] { pass(); });
  }
  ~PlainEnd() {
    if (!thread_.joinable()) return;
    ::close(ends_[0]);
    thread_.join();
    ::close(ends_[1]);
  }
  PlainEnd(const PlainEnd&) = delete;
  PlainEnd& operator=(const PlainEnd&) = delete;

  int fd() const { return thread_.joinable() ? ends_[0] : channel_.fd(); }

 private:
  void pass() {
    std::vector<char> space(std::size_t{64} << 10);
    for (;;) {
      pollfd wanted[] = {{ends_[1], POLLIN, 0}, {channel_.fd(), POLLIN, 0}};
      if (channel_.may_poll_input()) ::poll(wanted, 2, -1);
      const Socket::Result got = channel_.receive(space, Clock::now());
      if (got.io == Socket::Io::ended) break;
      if (!pass_whole(space.data(), got.bytes)) return;
      if (wanted[0].revents == 0) continue;
      const ssize_t sent = ::recv(ends_[1], space.data(), space.size(), 0);
      if (sent <= 0) return;
      std::string_view rest(space.data(), static_cast<std::size_t>(sent));
      while (!rest.empty() || channel_.has_unsent()) {
        const iovec part{const_cast<char*>(rest.data()), rest.size()};
        const Socket::Result taken = channel_.send({&part, 1});
        if (taken.io == Socket::Io::ended) break;
        rest.remove_prefix(taken.bytes);
        if (taken.io == Socket::Io::later) channel_.wait_writable(false, Deadline{});
      }
    }
    ::shutdown(ends_[1], SHUT_RDWR);
  }
  bool pass_whole(const char* bytes, std::size_t count) {
    while (count > 0) {
      const ssize_t sent = ::send(ends_[1], bytes, count, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes += sent, count -= static_cast<std::size_t>(sent);
    }
    return true;
  }

  Channel channel_;
  int ends_[2] = {-1, -1};
  std::thread thread_;
};

void run(const Address& address, const manager_options& connecting, const std::string& test,
         const BenchOptions& options) {
  const load::Shape shape{work_of(test), options.connections, options.pipeline, options.value_bytes,
                          options.keys};
  const auto connect = [&] {
    auto dialed = dial(address, connecting, deadline_in(std::chrono::seconds{10}));
    if (!dialed) throw_error(dialed.error());
    if (connecting.key_file.empty()) return std::move(*dialed);
    const std::string binding = dialed->binding;
    Connection connection(std::move(*dialed));
    const auto done = log_in(connection, connecting, binding, deadline_in(std::chrono::seconds{10}),
                             wait_without_cancel);
    if (!done) throw_error(done.error());
    return connection.channel.release();
  };
  const PlainEnd maker(connect());  // the objects end with this connection
  load::AgoraProtocol protocol{own_prefix(), true};
  protocol.prepare(maker.fd(), shape);
  const bool own = shape.work == Work::queue || shape.work == Work::lock;
  std::vector<load::Traffic> traffic;
  for (std::size_t i = 0; i < (own ? shape.connections : 1); ++i) {
    traffic.push_back(load::traffic_of(protocol, shape, i));
  }
  std::vector<Dialed> connections;
  std::vector<load::Line> lines;
  for (std::size_t i = 0; i < shape.connections; ++i) {
    connections.push_back(connect());
    const load::Traffic& its = traffic[own ? i : 0];
    lines.push_back({connections.back().socket->fd(), &its,
                     i * 37 * its.stride % its.batches.size(), 1, connections.back().tls.get()});
  }
  load::Histogram times;
  const load::Driven driven = load::drive(lines, {.calls = options.requests}, &times);
  protocol.clear(maker.fd());
  print(test, driven, times, options.json);
}

}  // namespace

int bench(const std::string& address, const manager_options& connecting,
          const BenchOptions& options) {
  auto parsed = parse_address(address);
  if (!parsed) throw_error(parsed.error());
  parsed->peer_uid = connecting.peer_uid;
  check_size(options);
  for (const std::string& test : options.tests) static_cast<void>(work_of(test));
  raise_descriptors();
  for (const std::string& test : options.tests) run(*parsed, connecting, test, options);
  return 0;
}

}  // namespace agora::detail
