// SPDX-License-Identifier: MIT

// agora::mutex works wherever the standard library expects a mutex.
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

int main() {
  return user::run([] {
    agora::manager m;
    auto a = m.lock("a");
    const auto b = m.lock("b");
    auto counter = m.value<int>("counter", 0);
    {
      std::lock_guard guard(a);
      USER_CHECK(a.held());
      const std::uint64_t first = a.token();
      USER_CHECK(first > 0);
      USER_CHECK(!a.owner_died());
    }
    USER_CHECK(!a.held());
    {
      std::scoped_lock both(a, b);
      USER_CHECK(a.held() && b.held());
    }
    std::unique_lock<agora::mutex> deferred(a, std::defer_lock);
    USER_CHECK(deferred.try_lock());
    std::thread other([a] {
      USER_CHECK(!a.held());
      USER_CHECK(!a.try_lock());
      USER_CHECK(!a.try_lock_for(1ms));
      USER_CHECK(!a.try_lock_until(std::chrono::system_clock::now() + 1ms));
      USER_THROWS(a.release(), agora::not_owner);
    });
    other.join();
    deferred.unlock();
    USER_THROWS(a.release(), agora::not_locked);

    std::vector<std::thread> threads;
    for (int n = 0; n < 4; ++n) {
      threads.emplace_back([a, counter] {
        for (int i = 0; i < 50; ++i) {
          std::lock_guard guard(a);
          counter.store(counter.load() + 1);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    USER_CHECK(counter == 200);
  });
}
