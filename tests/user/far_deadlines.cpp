// SPDX-License-Identifier: MIT

// Waits until a point in time take any point: the ends of a clock's range as the standard library
// does, and no NaN.
#include <chrono>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

using Steady = std::chrono::steady_clock;
using System = std::chrono::system_clock;
using Century = std::chrono::duration<std::int64_t, std::ratio<100L * 365 * 24 * 3600>>;
template <typename Span>
using SystemTime = std::chrono::time_point<System, Span>;

/// Calls `visit` with points in the past, far and near.
template <typename Visit>
void each_past_point(const Visit& visit) {
  visit(Steady::time_point::min());
  visit(System::time_point::min());
  visit(System::time_point{});
  visit(System::now() - std::chrono::hours(100L * 365 * 24));
  visit(Steady::now() - 1ns);
  visit(SystemTime<std::chrono::hours>::min());
  visit(SystemTime<Century>(Century(-100)));
  visit(SystemTime<std::chrono::duration<double>>::min());
}

void nothing_waits(const agora::manager& m) {
  const auto lock = m.lock("l");
  const auto rlock = m.rlock("r");
  const auto rwlock = m.rwlock("w");
  const auto semaphore = m.semaphore("s", 0);
  const auto condition = m.condition("c");
  lock.lock();
  rlock.lock();
  rwlock.lock();
  std::thread other([&] {
    each_past_point([&](auto when) {
      USER_CHECK(!lock.try_lock_until(when));
      USER_CHECK(!rlock.try_lock_until(when));
      USER_CHECK(!rwlock.try_lock_until(when));
      USER_CHECK(!rwlock.try_lock_shared_until(when));
      USER_CHECK(!semaphore.try_acquire_until(when));
      std::unique_lock hold(condition.mutex());
      USER_CHECK(condition.wait_until(hold, when) == std::cv_status::timeout);
      USER_CHECK(!condition.wait_until(hold, when, [] { return false; }));
      USER_CHECK(hold.owns_lock());
    });
    std::unique_lock hold(condition.mutex());
    USER_CHECK(!condition.wait_for(hold, std::chrono::hours::min(), [] { return false; }));
  });
  other.join();
}

void far_points_wait(const agora::manager& m) {
  const auto lock = m.lock("far");
  lock.lock();
  std::thread other([&] {
    USER_CHECK(lock.try_lock_until(Steady::time_point::max()));
    lock.unlock();
    USER_CHECK(lock.try_lock_until(SystemTime<std::chrono::hours>::max()));
    lock.unlock();
    USER_CHECK(lock.try_lock_until(System::now() + 50 * std::chrono::hours(365L * 24)));
    lock.unlock();
  });
  lock.unlock();
  other.join();
}

void nan_is_an_error(const agora::manager& m) {
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  const std::chrono::time_point<System, std::chrono::duration<double>> never(nan);
  const auto queue = m.queue<int>("q");
  const auto condition = m.condition("c");
  USER_THROWS(m.lock("l").try_lock_for(nan), agora::value_error);
  USER_THROWS(m.lock("l").try_lock_until(never), agora::value_error);
  USER_THROWS(m.semaphore("s", 0).try_acquire_for(nan), agora::value_error);
  USER_THROWS(m.event("e").wait_for(nan), agora::value_error);
  USER_THROWS(m.latch("n", 1).wait_for(nan), agora::value_error);
  USER_THROWS(queue.pop_for(nan), agora::value_error);
  USER_THROWS(queue.push_delayed(1, nan), agora::value_error);
  USER_THROWS(queue.async_pop_for(nan, asio::use_future), agora::value_error);
  queue.push(1);
  USER_THROWS(queue.reserve().requeue(nan), agora::value_error);
  std::unique_lock hold(condition.mutex());
  USER_THROWS(condition.wait_for(hold, nan), agora::value_error);
  USER_THROWS(condition.wait_for(hold, nan, [] { return true; }), agora::value_error);
  USER_CHECK(hold.owns_lock());
  agora::process child([] {});
  USER_THROWS(child.join_for(nan), agora::value_error);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    nothing_waits(m);
    far_points_wait(m);
    nan_is_an_error(m);
  });
}
