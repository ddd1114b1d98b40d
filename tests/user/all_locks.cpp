// SPDX-License-Identifier: MIT

// recursive_mutex and shared_mutex work wherever the standard library expects such a mutex.
#include <chrono>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

void levels(const agora::manager& m) {
  auto lock = m.rlock("r");
  {
    std::lock_guard outer(lock);
    const std::uint64_t token = lock.token();
    std::unique_lock inner(lock, 1s);
    USER_CHECK(inner && lock.token() == token);
    inner.unlock();
    USER_CHECK(lock.held());
    std::thread([lock] {
      USER_CHECK(!lock.try_lock() && !lock.try_lock_for(1ms) && !lock.held());
      USER_THROWS(lock.release(), agora::not_owner);
    }).join();
  }
  USER_CHECK(!lock.held() && !lock.locked());
  USER_THROWS(lock.release(), agora::not_locked);
  USER_THROWS(lock.token(), std::runtime_error);
}

void readers_and_writer(const agora::manager& m) {
  auto lock = m.rwlock("rw");
  {
    std::shared_lock reading(lock);
    std::shared_lock again(lock);
    USER_CHECK(lock.held_shared() && !lock.held() && lock.token() > 0);
    std::thread([lock] {
      auto mine = lock;
      const std::shared_lock also(mine, 5s);
      USER_CHECK(also && !lock.try_lock());
      USER_THROWS(lock.try_lock_for(1h), agora::deadlock);
      USER_CHECK(lock.state().readers == 2 && !lock.state().writer);
    }).join();
    USER_CHECK(!lock.try_lock());
    USER_THROWS(lock.lock(), agora::deadlock);
    USER_CHECK(lock.held_shared());
  }
  {
    const std::unique_lock writing(lock);
    USER_CHECK(lock.held() && !lock.held_shared() && lock.state().writer);
    std::thread([lock] {
      USER_CHECK(!lock.try_lock_shared() && !lock.try_lock_shared_for(1ms));
      USER_CHECK(!lock.try_lock_shared_until(std::chrono::steady_clock::now() + 1ms));
      USER_THROWS(lock.release(), agora::not_owner);
      USER_THROWS(lock.release_shared(), agora::not_locked);
    }).join();
  }
  USER_THROWS(lock.release(), agora::not_locked);
  USER_THROWS(lock.release_shared(), agora::not_locked);
}

/// Threads take every kind at once in one scoped_lock; without it they would lose counts.
void all_at_once(const agora::manager& m) {
  const auto count = m.value<int>();
  std::vector<std::thread> threads;
  for (int n = 0; n < 3; ++n) {
    threads.emplace_back([m, count] {
      auto a = m.lock("a");
      auto b = m.rlock("b");
      auto c = m.rwlock("c");
      for (int i = 0; i < 20; ++i) {
        const std::scoped_lock all(a, b, c);
        count = count + 1;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  USER_CHECK(count == 60);
}

void death(const agora::manager& m) {
  auto lock = m.rwlock("deadly");
  auto broken = m.rlock("broken", {.on_owner_death = agora::on_owner_death::broken});
  auto held = m.event();
  agora::process owner([=] {
    lock.lock();
    broken.lock();
    broken.lock();
    held.set();
    m.event("never").wait();
  });
  held.wait();
  owner.kill();
  lock.lock_shared();
  USER_CHECK(lock.owner_died());
  lock.unlock_shared();
  USER_THROWS(broken.lock(), agora::owner_died);
  broken.reset();
  const std::lock_guard mended(broken);
}

void without_threads(const agora::manager& m) {
  const auto r = m.rlock();
  const auto rw = m.rwlock();
  agora::lock_grant recursive = r.async_lock(asio::use_future).get();
  USER_CHECK(recursive && recursive.held() && !r.try_lock());
  recursive = {};
  r.lock();
  r.unlock();
  agora::lock_grant one = rw.async_lock_shared(asio::use_future).get();
  agora::lock_grant two = rw.async_try_lock_shared_for(1s, asio::use_future).get();
  USER_CHECK(one && two && !rw.async_try_lock_for(1ms, asio::use_future).get());
  one.release();
  two.release();
  USER_CHECK(rw.async_lock(asio::use_future).get().token() > 0);
}

void cycle(const agora::manager& m) {
  const auto a = m.lock("cycle a");
  const auto b = m.rlock("cycle b");
  const std::lock_guard first(b);
  std::promise<void> other_has_a;
  std::thread other([&] {
    a.lock();
    other_has_a.set_value();
    // One of both gets deadlock; the other one then gets its lock.
    try {
      b.lock();
      b.unlock();
    } catch (const agora::deadlock& caught) {
      USER_CHECK(caught.detail("cycle"));
    }
    a.unlock();
  });
  other_has_a.get_future().wait();
  bool told = false;
  try {
    a.lock();
    a.unlock();
  } catch (const std::runtime_error&) {
    told = true;
  }
  if (told) {
    b.unlock();
    other.join();
    b.lock();
  } else {
    other.join();
  }
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    levels(m);
    readers_and_writer(m);
    all_at_once(m);
    death(m);
    without_threads(m);
    cycle(m);
  });
}
