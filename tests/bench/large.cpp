// SPDX-License-Identifier: MIT

// The rows about large values: the cost of a MiB, set and get, over every transport, and how it
// grows with the size.

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <agora/agora.hpp>

#include "client/load/agora_protocol.hpp"
#include "tests/bench/comparison.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/protocols.hpp"
#include "tests/bench/rows.hpp"

namespace agora::bench {
namespace {

constexpr double kMebibyte = 1 << 20;
/// The size with which larger ones are compared.
constexpr std::size_t kBase = std::size_t{16} << 20;
/// Each turn moves at least so many bytes, or makes kCallsMax calls.
constexpr std::size_t kTurnBytes = std::size_t{32} << 20;
constexpr std::size_t kCallsMax = 2'000;

struct Size {
  const char* name;
  std::size_t bytes;
};
constexpr std::array<Size, 9> kSizes{{{"1 KiB", 1 << 10},
                                      {"16 KiB", 16 << 10},
                                      {"256 KiB", 256 << 10},
                                      {"1 MiB", 1 << 20},
                                      {"4 MiB", 4 << 20},
                                      {"16 MiB", kBase},
                                      {"64 MiB", std::size_t{64} << 20},
                                      {"256 MiB", std::size_t{256} << 20},
                                      {"512 MiB", std::size_t{512} << 20}}};

/// One way to set and get a value. Each function makes one call.
struct Way {
  std::function<void()> set;
  std::function<void()> get;
};

/// Sends a request and reads its reply into a small buffer, as a program that streams it would.
void call(int fd, const load::Request& request) {
  load::exchange(fd, request.bytes, 0);
  static std::array<char, 256 * 1024> space;
  for (std::size_t left = request.reply_bytes; left > 0;) {
    const ssize_t got = ::recv(fd, space.data(), std::min(left, space.size()), 0);
    if (got <= 0) throw std::runtime_error("the server closed the connection");
    left -= static_cast<std::size_t>(got);
  }
}

/// Requests of one protocol over a plain socket.
class Socket {
 public:
  Socket(std::unique_ptr<load::Protocol> protocol, int fd)
      : protocol_(std::move(protocol)), fd_(fd) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  Way way(std::size_t bytes) {
    load::Shape shape{.connections = 1, .value_bytes = bytes, .keys = 1};
    protocol_->prepare(fd_, shape);
    get_ = protocol_->piece(shape, 0, 0).front();
    shape.work = load::Work::set;
    set_ = protocol_->piece(shape, 0, 0).front();
    return {[this] { call(fd_, set_); }, [this] { call(fd_, get_); }};
  }

 private:
  std::unique_ptr<load::Protocol> protocol_;
  int fd_;
  load::Request set_;
  load::Request get_;
};

/// The C++ client.
class Library {
 public:
  Library(const std::string& address, bool shared_memory)
      : manager_(address, {.deadline = std::chrono::minutes(5), .shared_memory = shared_memory}),
        dict_(manager_.dict<std::string, std::string>("large")) {}

  Way way(std::size_t bytes) {
    value_.assign(bytes, 'v');
    return {[this] { dict_.insert_or_assign("key", value_); },
            [this] {
              if (dict_.at("key").size() != value_.size())
                throw std::runtime_error("a short value");
            }};
  }

 private:
  manager manager_;
  dict<std::string, std::string> dict_;
  std::string value_;
};

/// Returns the microseconds of a MiB.
double cost(const std::function<void()>& once, std::size_t bytes) {
  const std::size_t calls = std::clamp(kTurnBytes / bytes, std::size_t{1}, kCallsMax);
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < calls; ++i) once();
  const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - begin;
  return time.count() * kMebibyte / (static_cast<double>(calls) * static_cast<double>(bytes));
}

/// The costs of one size, in the order of the ways.
using Costs = std::vector<Comparison>;

class Large {
 public:
  explicit Large(Report& report) : report_(report) {
    const std::string unix_address = "unix:" + agorad_.unix_path;
    const std::string tcp_address = "tcp://127.0.0.1:" + std::to_string(agorad_.port);
    library("rings", unix_address, true);
    library("unix", unix_address, false);
    library("tcp", tcp_address, false);
    socket<load::AgoraProtocol>("msgpack-unix", connect_unix(agorad_.unix_path));
    socket<load::AgoraProtocol>("msgpack-tcp", connect_tcp(agorad_.port));
    socket<JsonProtocol>("json-unix", connect_unix(agorad_.unix_path));
    socket<JsonProtocol>("json-tcp", connect_tcp(agorad_.port));
    socket<RespProtocol>("redis-unix", connect_unix(redis_.unix_path));
  }

  ~Large() { ::close(control_); }
  Large(const Large&) = delete;
  Large& operator=(const Large&) = delete;

  void measure(const Size& size) {
    std::map<std::string, Way> ways;
    for (const auto& [name, way] : makers_) {
      // The protocols create their dicts anew for each size, and share them.
      for (const char* dict : {"bench-dict", "json"}) forget(dict);
      ways.emplace(name, way(size.bytes));
    }
    for (const bool set : {true, false}) {
      std::vector<Candidate> candidates;
      for (auto& [name, way] : ways) {
        candidates.push_back(
            {name, [&way, set, &size] { return cost(set ? way.set : way.get, size.bytes); }});
      }
      const int rounds = size.bytes > kBase ? 3 : kRounds;
      std::map<std::string, double> costs;
      const auto compared = run_interleaved(candidates, rounds);
      costs[candidates.front().name] = compared.front().first;
      for (const Comparison& each : compared) costs[each.name] = each.theirs;
      add(size, set ? "set" : "get", costs);
    }
  }

 private:
  void forget(const std::string& dict) {
    try {
      load::agora_reply(control_, load::agora_call("object.delete", {dict}));
    } catch (const std::runtime_error&) {  // there is none yet
    }
  }
  void library(const std::string& name, const std::string& address, bool shared_memory) {
    auto made = std::make_shared<Library>(address, shared_memory);
    makers_[name] = [made](std::size_t bytes) { return made->way(bytes); };
  }
  template <typename Protocol>
  void socket(const std::string& name, int fd) {
    auto made = std::make_shared<Socket>(std::make_unique<Protocol>(), fd);
    makers_[name] = [made](std::size_t bytes) { return made->way(bytes); };
  }

  void add(const Size& size, const std::string& work, std::map<std::string, double>& costs) {
    for (const auto& [name, ours] : costs) {
      Result result{.row = "large-" + name + "-" + work,
                    .what = std::string(size.name) + " " + work,
                    .unit = "us/MiB",
                    .ours = ours,
                    .measured = ours};
      double& base = base_[result.row];
      if (size.bytes == kBase) base = ours;
      if (name == "rings") {
        compare(result, "Unix socket", costs.at("unix"), at_most(1.1));
      } else if (name == "msgpack-unix") {
        compare(result, "Redis", costs.at("redis-unix"), at_most(1));
      } else if (name == "json-unix") {
        compare(result, "Redis", costs.at("redis-unix"), {});
      }
      report_.add(result);
      if (size.bytes <= kBase || base == 0 || name.starts_with("redis")) continue;
      Result growth = result;
      growth.what += ", growth";
      compare(growth, "16 MiB", base, at_most(1.5));
      report_.add(growth);
    }
  }
  static void compare(Result& result, const char* peer, double theirs, std::optional<Bound> bound) {
    result.peer = peer;
    result.theirs = theirs;
    result.measured = result.ours / theirs;
    result.bound = bound;
  }

  Report& report_;
  Agorad agorad_{server_cpu(), {"--frame-max", "1GiB"}};
  Redis redis_{server_cpu()};
  int control_ = connect_unix(agorad_.unix_path);
  std::map<std::string, std::function<Way(std::size_t)>> makers_;
  std::map<std::string, double> base_;  // the cost of a MiB at kBase, by row
};

}  // namespace

void large(Report& report, const Filter& filter) {
  Large rows(report);
  for (const Size& size : kSizes) {
    if (fits(size.name, filter)) rows.measure(size);
  }
}

}  // namespace agora::bench
