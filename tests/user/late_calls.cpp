// SPDX-License-Identifier: MIT

// Calls that their callers give up: an unlock without a connection reaches the server on the next
// one, and a grant that comes after the deadline of its call does not stay with the session.
#include <chrono>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/cutting_proxy.hpp"

using namespace std::chrono_literals;

namespace {

void unlocking(const agora::manager& server) {
  user::CuttingProxy way(server.address());
  const agora::manager m(way.address(), {.ttl = 3600s, .deadline = 500ms, .shared_memory = false});
  const auto lock = m.lock("l");
  lock.lock();
  way.shut();
  lock.unlock();
  USER_CHECK(!lock.held());
  way.open();
  USER_CHECK(server.lock("l").try_lock_for(50s));
  server.lock("l").unlock();
}

/// Makes a call that waits at the server, cuts the connection, and returns when its caller gave up.
template <typename Wait>
void give_up(const agora::manager& server, user::CuttingProxy& way, Wait wait) {
  std::thread caller([&] {
    try {
      for (;;) wait();  // a call that ended by itself was too early
    } catch (const agora::unavailable&) {
    }
  });
  while (server.call<std::vector<agora::any>>("server.waits").empty()) std::this_thread::yield();
  way.shut();
  caller.join();
}

void late_grants(const agora::manager& server) {
  user::CuttingProxy way(server.address());
  const agora::manager m(way.address(), {.ttl = 3600s, .deadline = 500ms, .shared_memory = false});
  const auto permits = m.semaphore("s", 0);
  const auto tasks = m.queue<int>("q");
  const auto lock = m.lock("l");
  const auto theirs = server.lock("l");

  give_up(server, way, [&] { USER_CHECK(!permits.try_acquire_for(100ms, 2)); });
  server.semaphore("s").release(2);
  way.open();
  while (server.semaphore("s").value() != 2) std::this_thread::yield();

  give_up(server, way, [&] { USER_CHECK(!tasks.reserve_for(100ms)); });
  server.queue<int>("q").push(1);
  way.open();
  USER_CHECK(server.queue<int>("q").pop_for(50s) == 1);

  // A grant that comes too late for one acquire does not block the next.
  theirs.lock();
  give_up(server, way, [&] {
    USER_CHECK(!lock.try_lock_for(100ms));
    USER_THROWS(lock.token(), agora::not_locked);
  });
  theirs.unlock();
  way.open();
  lock.lock();
  lock.unlock();
  USER_CHECK(theirs.try_lock_for(50s));
  theirs.unlock();
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager server;
    unlocking(server);
    late_grants(server);
  });
}
