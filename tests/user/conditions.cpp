// SPDX-License-Identifier: MIT

// condition_variable works as std::condition_variable_any does, between processes.
#include <chrono>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

/// Children wait for a notify of the parent; a child that is killed while it waits consumes none.
void over_processes(const agora::manager& m) {
  auto ready = m.condition("ready");
  const auto turn = m.value<int>("turn", -1);
  const auto waiting = m.counter("waiting");
  const auto seen = m.list<int>("seen");
  const auto wait_for_turn = [=](int mine) {
    std::unique_lock hold(ready.mutex());  // of a const condition
    ++waiting;
    ready.wait(hold, [&] { return turn == mine; });
    seen.push_back(mine);
    turn = mine + 1;
    ready.notify_all();
  };
  agora::process lost(wait_for_turn, 100);
  waiting.wait_at_least(1);
  std::vector<agora::process> children;
  for (const int mine : {2, 0, 1}) children.emplace_back(wait_for_turn, mine);
  waiting.wait_at_least(4);
  lost.kill();
  lost.join();
  {
    std::unique_lock hold(ready.mutex());
    turn = 0;
    ready.notify_all();
    ready.wait(hold, [&] { return turn == 3; });
  }
  for (auto& child : children) {
    child.join();
    USER_CHECK(child.exit_code() == 0);
  }
  USER_CHECK((seen.copy() == std::vector<int>{0, 1, 2}));
}

void times_and_levels(const agora::manager& m) {
  auto c = m.condition();
  std::unique_lock outer(c.mutex());
  std::unique_lock inner(c.mutex());
  const std::uint64_t before = c.mutex().token();
  USER_CHECK(c.wait_for(inner, 1ms) == std::cv_status::timeout);
  USER_CHECK(!c.wait_for(inner, 1ms, [] { return false; }));
  USER_CHECK(!c.wait_until(inner, std::chrono::system_clock::now() + 1ms, [] { return false; }));
  // Each wait released the lock and took it anew.
  USER_CHECK(c.mutex().token() > before && c.mutex().held());
  std::thread other([c] {
    auto mine = c;
    const std::lock_guard hold(mine.mutex());  // free only once both levels are released
    mine.notify_one();
  });
  c.wait(inner);
  other.join();
  inner.unlock();
  USER_CHECK(c.mutex().held());
  outer.unlock();
  USER_CHECK(!c.mutex().locked());
}

void one_lock_for_two(const agora::manager& m) {
  const auto lock = m.rlock("shared");
  auto full = m.condition("full", lock);
  auto empty = m.condition("empty", lock);
  USER_CHECK(full.mutex() == lock && m.condition("full").mutex() == lock);
  const auto box = m.list<int>();
  std::thread consumer([=] {
    auto my_lock = lock;
    for (int i = 0; i < 20; ++i) {
      std::unique_lock hold(my_lock);
      full.wait(hold, [&] { return !box.empty(); });
      USER_CHECK(box.pop_front() == i);
      empty.notify_one();
    }
  });
  for (int i = 0; i < 20; ++i) {
    auto my_lock = lock;
    std::unique_lock hold(my_lock);
    empty.wait(hold, [&] { return box.empty(); });
    box.push_back(i);
    full.notify_one();
  }
  consumer.join();
}

void asynchronous(const agora::manager& m) {
  auto c = m.condition("a");
  auto held = c.mutex().async_lock(asio::use_future).get();
  const auto before = held.token();
  auto woken = c.async_wait(std::move(held), asio::use_future);
  {
    const std::lock_guard hold(c.mutex());  // the waiter has released it
    c.notify_one();
  }
  held = woken.get();
  USER_CHECK(held.held() && held.token() > before && !c.mutex().try_lock());

  auto late = c.async_wait_for(std::move(held), 1ms, asio::use_future).get();
  USER_CHECK(late.second == std::cv_status::timeout && late.first.held());
  auto timely = c.async_wait_for(std::move(late.first), 1h, asio::use_future);
  held = c.mutex().async_lock(asio::use_future).get();
  c.async_notify_all(held, asio::use_future).get();
  held.release();
  auto in_time = timely.get();
  USER_CHECK(in_time.second == std::cv_status::no_timeout && in_time.first.held());

  USER_THROWS(c.async_wait(agora::lock_grant(), asio::use_future), agora::runtime_error);
  auto foreign = m.rlock().async_lock(asio::use_future).get();
  USER_THROWS(c.async_notify(foreign, 1, asio::use_future), agora::runtime_error);
  auto deleted = c.async_wait(std::move(in_time.first), asio::use_future);
  m.remove("a");
  USER_THROWS(deleted.get(), agora::not_found);
  USER_CHECK(!c.mutex().locked());
}

void misuse(const agora::manager& m) {
  auto c = m.condition("c");
  auto other = m.rlock();
  std::unique_lock wrong(other);
  USER_THROWS(c.wait(wrong), std::runtime_error);
  std::unique_lock right(c.mutex(), std::defer_lock);
  USER_THROWS(c.wait(right), agora::runtime_error);
  USER_THROWS(c.notify_one(), agora::runtime_error);
  right.lock();
  std::thread remover([m, c] {
    auto mine = c;
    const std::lock_guard hold(mine.mutex());  // free once the other one waits
    USER_CHECK(m.remove("c"));
  });
  // After the condition is deleted no owner can notify; the lock is not held any more.
  USER_THROWS(c.wait(right), agora::not_found);
  USER_CHECK(!right.owns_lock() && !c.mutex().held());
  remover.join();
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    over_processes(m);
    times_and_levels(m);
    one_lock_for_two(m);
    asynchronous(m);
    misuse(m);
  });
}
