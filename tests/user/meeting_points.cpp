// SPDX-License-Identifier: MIT

// semaphore, latch, barrier and counter between forked processes, and between threads.
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

void join_all(std::vector<agora::process>& children) {
  for (auto& child : children) {
    child.join();
    USER_CHECK(child.exit_code() == 0);
  }
}

void permits(const agora::manager& m) {
  const auto two = m.semaphore("two", 2, {.bound = 2});
  const auto inside = m.counter("inside");
  const auto most = m.value<std::int64_t>("most", 0);
  std::vector<agora::process> children;
  for (int n = 0; n < 4; ++n) {
    children.emplace_back([=] {
      for (int i = 0; i < 10; ++i) {
        two.acquire();
        const std::int64_t now = ++inside;
        std::int64_t before = most;
        while (now > before && !most.compare_exchange_weak(before, now)) {
        }
        --inside;
        two.release();
      }
    });
  }
  join_all(children);
  USER_CHECK(most >= 1 && most <= 2 && inside == 0 && two.value() == 2);
  USER_THROWS(two.release(), std::invalid_argument);
  two.acquire(2);
  USER_CHECK(!two.try_acquire() && !two.try_acquire_for(1ms));
  USER_CHECK(!two.try_acquire_until(std::chrono::steady_clock::now() + 1ms));
  two.release(2);
  USER_THROWS(two.acquire(0), agora::value_error);

  // The permits of a dead process come back, unless the semaphore is a signal.
  const auto signal = m.semaphore("signal", 0, {.owned = false});
  agora::process dies([=] {
    two.acquire(2);
    signal.release(3);
    m.event("never").wait();
  });
  signal.acquire(3);
  dies.kill();
  two.acquire(2);
  USER_CHECK(signal.value() == 0);
  two.release(2);
}

void start_together(const agora::manager& m) {
  const auto gate = m.latch("gate", 3);
  const auto passed = m.counter();
  std::vector<agora::process> children;
  for (int n = 0; n < 2; ++n) {
    children.emplace_back([=] {
      gate.arrive_and_wait();
      ++passed;
    });
  }
  USER_CHECK(!gate.try_wait() && !gate.wait_for(1ms) && passed == 0);
  gate.count_down();
  USER_CHECK(passed.wait_at_least(2) == 2);
  join_all(children);
  USER_CHECK(gate.try_wait() && gate.count() == 0);
  gate.wait();
  USER_THROWS(gate.count_down(), agora::value_error);
}

void rounds(const agora::manager& m) {
  const auto meeting = m.barrier("meeting", 3);
  const auto indices = m.list<std::size_t>();
  std::vector<agora::process> children;
  for (int n = 0; n < 2; ++n) {
    children.emplace_back([=] {
      for (int round = 0; round < 5; ++round) indices.push_back(meeting.arrive_and_wait());
      meeting.arrive_and_wait();
    });
  }
  for (int round = 0; round < 5; ++round) indices.push_back(meeting.arrive_and_wait());
  meeting.arrive_and_wait();
  join_all(children);
  USER_CHECK(indices.size() == 15 && indices.count(0) == 5 && indices.count(2) == 5);

  agora::process dies([=] { meeting.arrive_and_wait(); });
  while (meeting.state().waiting < 1) std::this_thread::yield();
  dies.kill();
  dies.join();
  USER_THROWS(meeting.arrive_and_wait(), agora::broken_barrier);
  USER_CHECK(meeting.state().broken && meeting.state().parties == 3);
  meeting.reset();
  USER_THROWS(meeting.arrive_and_wait_for(1ms), std::runtime_error);
  meeting.reset();
  meeting.abort();
  USER_CHECK(meeting.state().broken);
  const auto impatient = m.barrier("impatient", 2, 1ms);
  USER_THROWS(impatient.arrive_and_wait(), agora::broken_barrier);
}

void numbers(const agora::manager& m) {
  const auto c = m.counter("c", 5);
  USER_CHECK(c == 5 && ++c == 6 && c++ == 6 && (c += 3) == 10 && (c -= 4) == 6);
  USER_CHECK(--c == 5 && c-- == 5 && c.get() == 4);
  USER_CHECK(!c.wait_at_least_for(5, 1ms) && c.wait_at_least_for(4, 1ms) == 4);
  USER_THROWS(c.add(INT64_MAX), agora::value_error);
  USER_CHECK(c == 4);
}

void asynchronously(const agora::manager& m) {
  const auto s = m.semaphore();
  const auto b = m.barrier("", 2);
  const auto l = m.latch("", 1);
  const auto c = m.counter();
  auto index = b.async_arrive_and_wait(asio::use_future);
  const std::set<std::size_t> both{b.arrive_and_wait(), index.get()};
  USER_CHECK((both == std::set<std::size_t>{0, 1}));
  USER_CHECK(s.async_acquire(1, asio::use_future).get());
  USER_CHECK(!s.async_try_acquire(1, asio::use_future).get());
  s.async_release(1, asio::use_future).get();
  auto opened = l.async_wait(asio::use_future);
  auto enough = c.async_wait_at_least(2, asio::use_future);
  l.count_down();
  c.add(2);
  USER_CHECK(opened.get() && enough.get() == 2);
  USER_CHECK(!c.async_wait_at_least_for(3, 1ms, asio::use_future).get());
  USER_CHECK(b.async_state(asio::use_future).get().waiting == 0);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    permits(m);
    start_together(m);
    rounds(m);
    numbers(m);
    asynchronously(m);
  });
}
