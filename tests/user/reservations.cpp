// SPDX-License-Identifier: MIT

// Work that survives its workers: reserve, acknowledge, requeue, dead letters; orders and delays.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

void settled_or_not(const agora::manager& m) {
  const auto q = m.queue<std::string>("q");
  q.push_many({"a", "b"});
  {
    const auto forgotten = q.reserve();
    USER_CHECK(forgotten && forgotten.item() == "a" && forgotten.deliveries() == 1);
    USER_CHECK(q.size() == 1);
  }
  auto again = q.reserve();
  USER_CHECK(again.item() == "a" && again.deliveries() == 2);
  again.touch();
  auto moved = std::move(again);
  moved.acknowledge();
  USER_CHECK(!moved);
  USER_THROWS(moved.acknowledge(), agora::runtime_error);
  auto b = q.reserve_for(1s);
  USER_CHECK(b && b->item() == "b" && !q.try_reserve() && !q.reserve_for(1ms));
  USER_CHECK(!q.join_for(1ms));
  b->requeue();
  USER_CHECK(q.try_reserve()->item() == "b");
  q.reserve().acknowledge();
  q.join();
}

void dead_workers(const agora::manager& m) {
  const auto q = m.queue<int>("work");
  const auto started = m.counter();
  q.push(7);
  agora::process worker([=] {
    const auto job = q.reserve();
    ++started;
    m.event("never").wait();
  });
  started.wait_at_least(1);
  USER_CHECK(!q.try_reserve());
  worker.kill();
  auto job = q.reserve();
  USER_CHECK(job.item() == 7 && job.deliveries() == 2);
  job.acknowledge();
}

void leases(const agora::manager& m) {
  const auto q = m.queue<int>();
  q.push(1);
  auto late = q.reserve_for(1h, 1ms);
  auto again = q.reserve();  // once the lease has expired
  USER_CHECK(again.deliveries() == 2);
  USER_THROWS(late->acknowledge(), agora::not_found);
  again.acknowledge();
}

void dead_letters(const agora::manager& m) {
  const auto q = m.queue<int>();
  q.push(1);
  int deliveries = 0;
  while (auto failed = q.try_reserve()) {
    deliveries = static_cast<int>(failed->deliveries());
    failed->requeue();
  }
  const auto letters = q.dead_letters();
  USER_CHECK(deliveries == 16 && letters.size() == 1 && letters[0].item == 1);
  USER_CHECK(letters[0].deliveries == 16 && letters[0].reason == "max_deliveries");
  USER_CHECK(letters[0].since > std::chrono::system_clock::time_point{});
  q.join();
  USER_CHECK(q.redrive() == 1 && q.dead_letters().empty());
  q.reserve().acknowledge();
  const auto words = m.queue<std::string>(q);
  q.push(5);
  USER_THROWS(words.reserve(), agora::type_error);
  USER_CHECK(q.pop() == 5);  // it went back
}

void rejected(const agora::manager& m) {
  const auto q = m.queue<int>("", {.max_deliveries = 2});
  q.push(1);
  q.reserve().requeue(0s, false);
  q.reserve().requeue();
  auto job = q.reserve();
  USER_CHECK(job.deliveries() == 2);
  job.requeue(1ms, false);
  q.reserve().reject("not a job");
  USER_THROWS(job.reject(), agora::runtime_error);
  USER_CHECK(q.dead_letters().at(0).reason == "not a job" && q.dead_letters(1).size() == 1);
  q.join();
  USER_CHECK(q.purge_dead_letters() == 1 && q.dead_letters().empty());
  const auto stubborn = m.queue<int>("", {.max_deliveries = 0});
  stubborn.push(2);
  for (int i = 0; i < 20; ++i) stubborn.reserve().requeue();
  USER_CHECK(stubborn.reserve().deliveries() == 21);
}

void rejected_asynchronously(const agora::manager& m) {
  const auto q = m.queue<int>();
  q.push_many({1, 2, 3});
  auto job = q.reserve();
  job.async_touch(asio::use_future).get();
  job.async_requeue(0s, false, asio::use_future).get();
  USER_CHECK(!job);
  USER_THROWS(job.async_reject("", asio::use_future), agora::runtime_error);
  q.reserve().async_reject("first", asio::use_future).get();
  q.reserve().async_acknowledge(asio::use_future).get();
  USER_CHECK(q.async_dead_letters(9, asio::use_future).get().at(0).reason == "first");
  USER_CHECK(q.async_purge_dead_letters(asio::use_future).get() == 1);
  auto late = q.reserve_for(1h, 1ms);
  auto again = q.reserve();  // once the lease has expired
  USER_THROWS(late->async_acknowledge(asio::use_future).get(), agora::not_found);
  again.async_requeue(0s, asio::use_future).get();
  USER_CHECK(q.size() == 1);
}

void orders(const agora::manager& m) {
  const auto stack = m.queue<int>("", {.order = agora::queue_order::lifo});
  stack.push_many({1, 2, 3});
  USER_CHECK(stack.pop() == 3 && stack.pop() == 2);
  const auto p = m.queue<std::string>("", {.order = agora::queue_order::priority});
  p.push("late", 5);
  p.push("soon", -1.5);
  p.push("usual");
  USER_CHECK(p.pop() == "soon" && p.pop() == "usual" && p.pop() == "late");
  p.push_delayed("hour", 1h);
  USER_CHECK(p.empty() && !p.try_pop());
  p.push_delayed("moment", 1ms);
  USER_CHECK(p.pop() == "moment");
  USER_CHECK(p.pop_many_for(3, 1ms).empty());
  p.push("x");
  USER_CHECK(p.pop_many_for(3, 1h).size() == 1);
}

void asynchronously(const agora::manager& m) {
  const auto q = m.queue<int>();
  auto coming = q.async_reserve(asio::use_future);
  q.async_push_delayed(4, 1ms, asio::use_future).get();
  auto job = coming.get();
  USER_CHECK(job.item() == 4 && !q.async_reserve_for(1ms, asio::use_future).get());
  job.acknowledge();
  q.join();
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    settled_or_not(m);
    dead_workers(m);
    leases(m);
    dead_letters(m);
    rejected(m);
    rejected_asynchronously(m);
    orders(m);
    asynchronously(m);
  });
}
