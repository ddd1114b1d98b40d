// SPDX-License-Identifier: MIT

// One manager, many threads: every caller gets its own reply, and a waiting call blocks no other.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

int main() {
  return user::run([] {
    agora::manager m;
    const auto d = m.dict<int, std::string>();
    const auto q = m.queue<int>();
    const auto never = m.event();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([=] { USER_CHECK(q.pop() >= 0); });
      threads.emplace_back([=] { USER_CHECK(!never.wait_for(20ms)); });
    }
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([=] {
        const std::string mine(static_cast<std::size_t>(1 + t * 5000), static_cast<char>('a' + t));
        for (int i = 0; i < 100; ++i) {
          d[t] = mine;
          USER_CHECK(d.at(t) == mine);
        }
      });
    }
    for (std::size_t t = 8; t < threads.size(); ++t) threads[t].join();
    for (int t = 0; t < 4; ++t) q.push(t);
    for (std::size_t t = 0; t < 8; ++t) threads[t].join();
    USER_CHECK(d.size() == 8);
  });
}
