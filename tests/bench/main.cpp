// agora_bench [NAME...]: the questions of speed and space, each answered as a ratio to a peer that
// runs beside it in the same run, interleaved, medians of several rounds. See README.md here.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <agora/agora.hpp>

#include "server/core/heap_extents.hpp"
#include "server/core/machine.hpp"
#include "server/engine/memory_journal.hpp"
#include "server/net/dialogue.hpp"
#include "server/objects/types.hpp"
#include "tests/bench/generator.hpp"
#include "tests/bench/peers.hpp"
#include "tests/bench/rings.hpp"
#include "tests/bench/shared_dict.hpp"
#include "tests/bench/shared_memory.hpp"
#include "tests/bench/whole_manager.hpp"

namespace agora::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRounds = 7;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

/// CPUs for server and client: two where there are two.
int server_cpu() { return cpu_count() > 1 ? 0 : -1; }
int client_cpu() { return cpu_count() > 1 ? 1 : -1; }

/// One blocking C++ client on a Unix socket, against a bare epoll echo of the reply's size.
void round_trip() {
  if (client_cpu() >= 0) pin_to(client_cpu());
  Agorad server{server_cpu()};
  Echo echo{server_cpu()};
  agora::manager m("unix:" + server.unix_path, {.shared_memory = false});
  const auto d = m.dict<std::string, std::string>("d");
  const std::string key = key_text(1);
  d.insert_or_assign(key, value_text(64));
  const int fd = connect_unix(echo.unix_path);
  const std::string message(agora_protocol(64).get_reply_bytes, 'x');
  constexpr int kCalls = 20'000;
  std::vector<double> agora_us, echo_us, ratios;
  for (int round = 0; round < kRounds; ++round) {
    auto begin = Clock::now();
    std::string value;
    for (int i = 0; i < kCalls; ++i) value = d.at(key);
    agora_us.push_back(microseconds_since(begin) / kCalls);
    begin = Clock::now();
    std::vector<char> space(message.size());
    for (int i = 0; i < kCalls; ++i) {
      static_cast<void>(::send(fd, message.data(), message.size(), MSG_NOSIGNAL));
      for (std::size_t got = 0; got < message.size();) {
        got += static_cast<std::size_t>(
            std::max<ssize_t>(::recv(fd, space.data(), space.size() - got, 0), 1));
      }
    }
    echo_us.push_back(microseconds_since(begin) / kCalls);
    ratios.push_back(agora_us.back() / echo_us.back());
  }
  ::close(fd);
  std::printf("round-trip   dict.get %.2f us, bare echo %.2f us, ratio %.2f (at most 1.30)\n",
              median(agora_us), median(echo_us), median(ratios));
}

/// 50 TCP connections, against Redis, by the same generator.
void redis(std::size_t pipeline, double wanted) {
  if (client_cpu() >= 0) pin_to(client_cpu());
  constexpr std::uint64_t kKeys = 10'000;
  Agorad agorad{server_cpu()};
  Redis redis{server_cpu()};
  const auto run = [&](int port, const Protocol& protocol, bool get, double seconds) {
    std::vector<int> fds;
    for (int i = 0; i < 50; ++i) fds.push_back(connect_tcp(port));
    const double rate =
        drive(fds, get ? protocol.get : protocol.set,
              get ? protocol.get_reply_bytes : protocol.set_reply_bytes, pipeline, kKeys, seconds);
    for (const int fd : fds) ::close(fd);
    return rate;
  };
  const Protocol ours = agora_protocol(64);
  const Protocol theirs = redis_protocol(64);
  for (const auto& [port, protocol] : {std::pair{agorad.port, &ours}, {redis.port, &theirs}}) {
    const int fd = connect_tcp(port);
    fill(fd, *protocol, kKeys);
    ::close(fd);
  }
  for (const bool get : {true, false}) {
    std::vector<double> a, b, ratios;
    for (int round = 0; round < kRounds; ++round) {
      a.push_back(run(agorad.port, ours, get, 1.0));
      b.push_back(run(redis.port, theirs, get, 1.0));
      ratios.push_back(a.back() / b.back());
    }
    std::printf("redis-%-2zu     %s: agora %.0f k/s, redis %.0f k/s, ratio %.2f", pipeline,
                get ? "get" : "set", median(a) / 1e3, median(b) / 1e3, median(ratios));
    std::printf(get && wanted > 0 ? " (at least %.2f)\n" : "\n", wanted);
  }
}

/// A machine with one dict, and the time of single inserts into it.
class Growing {
 public:
  Growing() : machine_(all_types(), extents_, {}) {
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_opened;
    command.link = LinkId{1};
    batch_.peers.emplace_back();
    machine_.apply(batch_, effects_);
    call("object.create", {"dict", "d"});
  }

  /// @return microseconds.
  double insert(std::uint64_t key) { return call("dict.set", {"d", key_text(key), value_}); }

 private:
  double call(std::string_view method, const std::vector<std::string>& words) {
    batch_.clear();
    effects_.clear();
    Command command;
    command.kind = Command::Kind::call;
    command.link = LinkId{1};
    command.method = *machine_.catalogue().find(method);
    command.count = static_cast<std::uint32_t>(words.size());
    for (const std::string& word : words) {
      const std::size_t offset = batch_.bytes.size();
      Writer{batch_.bytes}.text(word);
      batch_.arguments.push_back({offset, batch_.bytes.size() - offset});
    }
    batch_.commands.push_back(command);
    const auto begin = Clock::now();
    machine_.apply(batch_, effects_);
    return microseconds_since(begin);
  }

  HeapExtents extents_;
  Machine machine_;
  Batch batch_;
  Effects effects_;
  std::string value_ = value_text(64);
};

/// The worst single insert while a dict grows to 2 M entries, in the core. What the machine's
/// other work does to one insert of one run, it does not do to the same insert of three: each
/// counts with its quickest run.
void growth() {
  constexpr std::size_t kEntries = 2'000'000;
  std::vector<float> quickest(kEntries, 1e9F);
  for (int run = 0; run < 3; ++run) {
    Growing dict;
    for (std::size_t i = 0; i < kEntries; ++i) {
      quickest[i] = std::min(quickest[i], static_cast<float>(dict.insert(i)));
    }
  }
  double total = 0;
  for (const float us : quickest) total += static_cast<double>(us);
  const auto slow =
      std::count_if(quickest.begin(), quickest.end(), [](float us) { return us > 100; });
  std::printf(
      "growth       2 M inserts: mean %.2f us, worst %.0f us (at most 1000), %ld above 100 us\n",
      total / static_cast<double>(kEntries),
      static_cast<double>(*std::max_element(quickest.begin(), quickest.end())),
      static_cast<long>(slow));
}

/// Bytes an entry at 1 M entries of 16 + 64 bytes, beside Redis.
void memory() {
  constexpr std::uint64_t kEntries = 1'000'000;
  Agorad agorad{-1};
  Redis redis{-1};
  const auto measure = [&](const Child& child, int port, const Protocol& protocol) {
    const int fd = connect_tcp(port);
    const std::size_t before = child.resident();
    fill(fd, protocol, kEntries);
    const std::size_t after = child.resident();
    ::close(fd);
    return static_cast<double>(after - before) / kEntries;
  };
  const double ours = measure(agorad.child, agorad.port, agora_protocol(64));
  const double theirs = measure(redis.child, redis.port, redis_protocol(64));
  std::printf("memory       agora %.0f bytes an entry (at most 140), redis %.0f, ratio %.2f\n",
              ours, theirs, ours / theirs);
}

/// The server without its sockets: pipelined calls through a dialogue, by one thread.
class Talk : private Outbox {
 public:
  Talk() : machine_(all_types(), extents_, {}), engine_(machine_, clock_, journal_, *this) {
    hall_ = std::make_unique<DialogueHall>(engine_);
    dialogue_ = std::make_unique<Dialogue>(*hall_, Peer{});
  }
  void say(const std::string& bytes) {
    dialogue_->receive(bytes);
    engine_.turn();
    dialogue_->output().consume(dialogue_->output().size());
  }

 private:
  struct Standing : public agora::Clock {
    Instant now() override { return {}; }
  };
  void deliver(const Effect& effect, const Effects& effects) override {
    dialogue_->deliver(effect, effects);
  }
  HeapExtents extents_;
  Machine machine_;
  Standing clock_;
  MemoryJournal journal_;
  Engine engine_;
  std::unique_ptr<DialogueHall> hall_;
  std::unique_ptr<Dialogue> dialogue_;
};

void dialogue() {
  constexpr std::uint64_t kKeys = 10'000;
  constexpr int kTurns = 40'000;
  const Protocol protocol = agora_protocol(64);
  Talk talk;
  talk.say(protocol.prepare);
  std::vector<std::string> batches(256);
  for (std::uint64_t key = 0; key < kKeys; ++key) talk.say(protocol.set(key));
  std::uint64_t key = 1;
  for (std::string& batch : batches) {
    for (int i = 0; i < 32; ++i) batch += protocol.get((key = key * 2654435761U + 1) % kKeys);
  }
  std::vector<double> rates;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    for (std::size_t turn = 0; turn < kTurns; ++turn) talk.say(batches[turn % batches.size()]);
    rates.push_back(kTurns * 32.0 / microseconds_since(begin) * 1e3);
  }
  std::printf("dialogue     dict.get without sockets: %.0f k/s, %.0f ns a call\n", median(rates),
              1e6 / median(rates));
}

struct Benchmark {
  std::string name;
  std::function<void()> run;
};

const std::vector<Benchmark> kAll{
    {"round-trip", round_trip},
    {"redis-32", [] { redis(32, 1.5); }},
    {"redis-1", [] { redis(1, 0); }},
    {"dialogue", dialogue},
    {"growth", growth},
    {"memory", memory},
    {"hand-off", hand_off},
    {"sweep", sweep},
    {"long-queue", long_queue},
    {"long-list", long_list},
    {"opened", opened_session},
    {"shared-dict", shared_dict},
    {"shared-memory", shared_memory},
    {"rings", rings},
    {"killed-clients", killed_clients},
};

}  // namespace
}  // namespace agora::bench

int main(int argc, char** argv) {
  using namespace agora::bench;
  if (argc == 3 && std::string{argv[1]} == "--serve-echo") serve_echo(argv[2]);
  bool found = argc < 2;
  for (const Benchmark& benchmark : kAll) {
    const bool wanted = argc < 2 || std::any_of(argv + 1, argv + argc, [&](const char* name) {
                          return benchmark.name == name;
                        });
    found = found || wanted;
    if (!wanted) continue;
    benchmark.run();
    std::fflush(stdout);
  }
  if (found) return 0;
  std::cerr << "no such benchmark; there are";
  for (const Benchmark& benchmark : kAll) std::cerr << ' ' << benchmark.name;
  std::cerr << '\n';
  return 64;
}
