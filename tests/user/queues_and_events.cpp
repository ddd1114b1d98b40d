// SPDX-License-Identifier: MIT

// All operations of queue and event against a real server.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

void in_and_out(const agora::manager& m) {
  const auto q = m.queue<std::string>("q", {.maxsize = 2});
  USER_CHECK(q.empty() && !q.try_pop() && !q.pop_for(1ms) && !q.peek());
  q.push("a");
  USER_CHECK(q.try_push("b") && q.full() && !q.try_push("c") && !q.push_for("c", 1ms));
  USER_CHECK(q.size() == 2 && q.peek() == "a");
  USER_CHECK(q.pop() == "a" && q.pop_for(1h) == "b");
  q.push_many({"c", "d"});
  USER_CHECK((q.pop_many(9) == std::vector<std::string>{"c", "d"}));
  USER_THROWS(q.push_many({"1", "2", "3"}), agora::value_error);
  q.push("x");
  USER_CHECK(q.clear() == 1 && q.empty());
}

void hand_over(const agora::manager& m) {
  const auto q = m.queue<int>("hand", {.maxsize = 1});
  std::thread consumer([q] {
    int expected = 0;
    try {
      for (;;) {
        USER_CHECK(q.pop() == expected++);
        q.task_done();
      }
    } catch (const agora::shut_down&) {
      USER_CHECK(expected == 100);
    }
  });
  for (int i = 0; i < 100; ++i) q.push(i);
  q.join();
  USER_CHECK(q.join_for(1ms));
  q.close();
  consumer.join();
  USER_THROWS(q.push(1), agora::shut_down);
  USER_THROWS(q.try_pop(), agora::shut_down);
}

void not_done_yet(const agora::manager& m) {
  const auto q = m.queue<int>();
  q.push(1);
  USER_CHECK(!q.join_for(1ms));
  USER_CHECK(q.pop() == 1);
  q.task_done();
  USER_CHECK(q.join_for(1ms));
  USER_THROWS(q.task_done(), std::invalid_argument);
}

void flags(const agora::manager& m) {
  const auto e = m.event("e");
  USER_CHECK(!e.is_set() && !e.wait_for(1ms));
  std::thread waiter([e] { e.wait(); });
  e.set();
  waiter.join();
  USER_CHECK(e.is_set() && e.wait_for(1h));
  e.clear();
  USER_CHECK(!e.is_set() && !e.wait_for(-1s));
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    in_and_out(m);
    hand_over(m);
    not_done_yet(m);
    flags(m);
  });
}
