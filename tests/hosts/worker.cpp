// SPDX-License-Identifier: MIT

// worker ADDRESS CA CERT KEY TTL_S VERB: a client on its own host, for hosts_test.py. It obeys
// lines on standard input and replies to each with one line. Verbs: `lock`, `count`, `world`.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <agora/agora.hpp>

namespace {

void say(const std::string& line) {
  static std::mutex one_at_a_time;
  const std::lock_guard guard(one_at_a_time);
  std::cout << line << std::endl;
}

/// Runs the body; replies with its result, or with the error.
template <typename Body>
void reply_with(const Body& body) {
  try {
    say(body());
  } catch (const agora::error& error) {
    say(std::string("error ") + error.what());
  }
}

/// Holds a lock, and writes under its token.
void hold_lock(const agora::manager& m) {
  const auto lock = m.lock("door");
  const auto writes = m.dict<std::string, std::string>("writes");
  std::optional<decltype(agora::guarded(writes, lock))> guarded;  // by the token of the last lock
  lock.on_lost([] { say("lost"); });
  for (std::string word; std::getline(std::cin, word);) {
    if (word == "lock") {
      reply_with([&] {
        lock.lock();
        guarded.emplace(agora::guarded(writes, lock));
        return "token " + std::to_string(lock.token());
      });
    } else if (word == "write") {
      reply_with([&] {
        guarded.value().insert_or_assign("last", "written");
        return std::string("written");
      });
    } else if (word == "held") {
      reply_with([&] { return std::string(lock.held() ? "held" : "not held"); });
    } else if (word == "unlock") {
      reply_with([&] {
        lock.release();
        return std::string("released");
      });
    } else if (word == "ping") {
      reply_with([&] { return std::string(m.ping() ? "pong" : "no pong"); });
    } else {
      return;
    }
  }
}

/// Adds to one counter from blocking and asynchronous calls, until a line comes.
void count(const agora::manager& m) {
  const auto sums = m.dict<std::string, std::int64_t>("sums");
  std::thread([] {
    for (std::string word; std::getline(std::cin, word);) {
    }
    std::_Exit(2);  // the test has gone
  }).detach();
  say("counting");
  constexpr int kRounds = 400;
  for (int i = 0; i < kRounds; ++i) {
    sums.add("sum", 1);
    auto first = sums.async_add("sum", 1, 0, asio::use_future);
    auto second = sums.async_add("sum", 1, 0, asio::use_future);
    first.get(), second.get();
    if (i % 100 == 0) say("round " + std::to_string(i));
  }
  say("added " + std::to_string(3 * kRounds));
}

/// The first example of the guide, on the shared server.
void world(const agora::manager& m) {
  const auto d = m.dict<std::string, std::int64_t>("d");
  const auto l = m.list<int>("l");
  std::vector<agora::process> workers;
  for (int n = 0; n < 5; ++n) {
    workers.emplace_back([=] {
      d.add("all", 1);
      l.push_back(n);
    });
  }
  for (auto& worker : workers) worker.join();
  say("all " + std::to_string(d.at("all")) + " " + std::to_string(l.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) return 64;
  const std::vector<std::string> words(argv, argv + argc);
  try {
    const agora::manager m(words[1], {.client = "worker",
                                      .ttl = std::chrono::seconds(std::stoi(words[5])),
                                      .deadline = std::chrono::seconds(20),
                                      .connect_timeout = std::chrono::seconds(2),
                                      .ca_file = words[2],
                                      .cert_file = words[3],
                                      .cert_key_file = words[4]});
    if (words[6] == "lock") hold_lock(m);
    if (words[6] == "count") count(m);
    if (words[6] == "world") world(m);
  } catch (const agora::error& error) {
    say(std::string("error ") + error.what());
    return 1;
  }
  return 0;
}
