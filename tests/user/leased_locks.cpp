// SPDX-License-Identifier: MIT

// Leases: a lock that a hung thread does not keep. The end of a lease is always seen by another
// owner that waits for the lock, never by the time that passes.
#include <chrono>
#include <mutex>
#include <thread>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

constexpr auto kLong = 1h;
constexpr auto kShort = 5ms;

/// Waits for the lock as another owner, which sees the previous owner's lease end.
template <typename Lock>
void wait_for_end(const Lock& lock) {
  agora::lock_grant next = lock.async_lock(asio::use_future).get();
  USER_CHECK(next && next.owner_died());
  USER_CHECK(!lock.held());
  next.release();
}

template <typename Lock>
void take_and_lose(const agora::manager& m, const Lock& lock) {
  auto guarded = m.dict<std::string, int>("guarded", {{"n", 0}});
  lock.lock_leased(kLong);
  USER_CHECK(lock.held() && !lock.owner_died());
  const std::uint64_t token = lock.token();
  agora::guarded(guarded, lock).insert_or_assign("n", 1);
  USER_CHECK(!lock.async_try_lock(asio::use_future).get());
  lock.extend(kShort);
  wait_for_end(lock);
  USER_CHECK(lock.token() == token);
  USER_THROWS(agora::guarded(guarded, lock).insert_or_assign("n", 2), agora::stale_token);
  USER_THROWS(lock.extend(kLong), agora::stale_token);
  USER_THROWS(lock.release(), agora::not_locked);
  USER_CHECK(guarded.at("n") == 1);

  USER_CHECK(lock.try_lock_leased(kLong));
  lock.extend(std::chrono::hours::max());  // no lease any more
  USER_CHECK(lock.held());
  lock.release();
  USER_CHECK(lock.try_lock_leased_for(1h, kLong));
  std::thread([lock] {
    USER_CHECK(!lock.try_lock_leased(kLong));
    USER_CHECK(!lock.try_lock_leased_for(kShort, kLong));
    USER_THROWS(lock.extend(kLong), agora::not_locked);
  }).join();
  lock.unlock();
  USER_THROWS(lock.lock_leased(0s), agora::value_error);
  USER_CHECK(!lock.held() && !lock.locked());

  // A lock that was taken in shared memory gets a lease as well.
  lock.lock();
  lock.extend(kShort);
  wait_for_end(lock);
  lock.unlock();
  USER_CHECK(!lock.locked());
}

void levels(const agora::recursive_mutex& lock) {
  lock.lock();
  lock.lock_leased(kLong);  // the lease is that of the grant
  USER_CHECK(lock.try_lock_leased(kLong));
  lock.unlock();
  USER_CHECK(lock.held());
  lock.extend(kShort);
  wait_for_end(lock);
  USER_THROWS(lock.lock(), agora::stale_token);  // its levels are not released yet
  lock.unlock();
  lock.unlock();
  lock.lock();
  USER_CHECK(lock.held());
  lock.unlock();
}

void grants(const agora::mutex& lock) {
  agora::lock_grant held = lock.async_lock_leased(kLong, asio::use_future).get();
  USER_CHECK(held && held.held());
  USER_CHECK(!lock.async_try_lock_leased(kLong, asio::use_future).get());
  USER_CHECK(!lock.async_try_lock_leased_for(kShort, kLong, asio::use_future).get());
  held.extend(kLong);
  held.async_extend(kLong, asio::use_future).get();
  agora::lock_grant moved = std::move(held);
  USER_THROWS(held.extend(kLong), agora::not_locked);
  moved.async_extend(kShort, asio::use_future).get();
  wait_for_end(lock);
  USER_CHECK(!moved.held());
  USER_THROWS(moved.async_extend(kLong, asio::use_future).get(), agora::stale_token);
  USER_THROWS(moved.extend(0s), agora::value_error);
  USER_THROWS(moved.release(), agora::not_locked);
}

void condition(const agora::manager& m) {
  auto ready = m.condition("ready");
  const auto& lock = ready.mutex();
  lock.lock_leased(kLong);
  std::unique_lock held(ready.mutex(), std::adopt_lock);
  USER_CHECK(ready.wait_for(held, kShort) == std::cv_status::timeout);
  lock.extend(kShort);
  wait_for_end(lock);
}

}  // namespace

int main() {
  return user::run([] {
    agora::manager m;
    take_and_lose(m, m.lock("lock"));
    take_and_lose(m, m.rlock("rlock"));
    levels(m.rlock("levels"));
    grants(m.lock("grants"));
    condition(m);
  });
}
