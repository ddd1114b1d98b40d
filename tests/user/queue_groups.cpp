// SPDX-License-Identifier: MIT

// One consumer of several queues: order, waiting, deadlines, deletion, closing, and dead workers.
#include <chrono>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

void first_that_has_one(const agora::manager& m) {
  const auto urgent = m.queue<std::string>("urgent");
  const auto usual = m.queue<std::string>();  // anonymous
  const agora::queue_group jobs{urgent, usual};
  USER_CHECK(!jobs.try_pop() && !jobs.pop_for(1ms) && !jobs.try_reserve());
  usual.push_many({"a", "b"});
  urgent.push("now");
  const auto first = jobs.pop();
  USER_CHECK(first.index == 0 && first.item == "now");
  const auto second = jobs.pop();
  USER_CHECK(second.index == 1 && second.item == "a");
  auto third = jobs.reserve_for(1s, 1h);
  USER_CHECK(third && third->index == 1 && third->job.item() == "b");
  third->job.reject("b");
  USER_CHECK(usual.dead_letters().size() == 1 && urgent.dead_letters().empty());
}

void bad_groups(const agora::manager& m) {
  const auto q = m.queue<int>("q");
  USER_THROWS(agora::queue_group<int>(std::vector<agora::queue<int>>{}), agora::value_error);
  const std::vector<agora::queue<int>> many(65, q);
  USER_THROWS(agora::queue_group<int>(many).pop(), agora::value_error);
  const agora::manager other;
  USER_THROWS((agora::queue_group{q, other.queue<int>("q")}), agora::value_error);
  const auto lock = m.lock("lock");
  const std::lock_guard hold(lock);
  q.push(1);
  USER_CHECK((agora::queue_group{agora::guarded(q, lock), m.queue<int>("r")}.pop().item == 1));
  USER_THROWS((agora::queue_group{q, agora::guarded(q, lock)}), agora::value_error);
  const auto words = m.queue<std::string>(q);
  words.push("x");
  USER_THROWS(agora::queue_group{q}.reserve(), agora::type_error);
  USER_CHECK(words.pop() == "x");  // it went back
}

void ends(const agora::manager& m) {
  const auto a = m.queue<int>("a");
  const auto b = m.queue<int>("b");
  const agora::queue_group both{a, b};
  auto waits = both.async_pop(asio::use_future);
  m.remove("b");
  USER_THROWS(waits.get(), agora::not_found);
  const auto c = m.queue<int>("c");
  const agora::queue_group rest{a, c};
  auto until_closed = rest.async_reserve(asio::use_future);
  a.close();
  c.push(1);
  auto job = until_closed.get();
  USER_CHECK(job.index == 1 && job.job.item() == 1);
  c.close();
  auto drained = rest.async_pop_for(1h, asio::use_future);
  job.job.acknowledge();
  USER_THROWS(drained.get(), agora::shut_down);
  USER_THROWS(rest.pop(), agora::shut_down);
}

void asynchronously(const agora::manager& m) {
  const auto a = m.queue<int>();
  const auto b = m.queue<int>();
  const agora::queue_group both{a, b};
  USER_CHECK(!both.async_try_pop(asio::use_future).get());
  USER_CHECK(!both.async_pop_for(1ms, asio::use_future).get());
  USER_CHECK(!both.async_try_reserve(asio::use_future).get());
  USER_CHECK(!both.async_reserve_for(1ms, asio::use_future).get());
  auto coming = both.async_reserve_for(1h, 1h, asio::use_future);
  b.push(2);
  auto job = coming.get();
  USER_CHECK(job && job->index == 1);
  job->job.acknowledge();
  b.join();
}

void dead_workers(const agora::manager& m) {
  const auto a = m.queue<int>();
  const auto b = m.queue<int>();
  const auto started = m.counter();
  const agora::queue_group both{a, b};
  b.push(7);
  agora::process worker([=] {
    const auto job = both.reserve();
    ++started;
    m.event("never").wait();
  });
  started.wait_at_least(1);
  USER_CHECK(!both.try_reserve());
  worker.kill();
  const auto again = both.reserve();
  USER_CHECK(again.index == 1 && again.job.item() == 7 && again.job.deliveries() == 2);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    first_that_has_one(m);
    bad_groups(m);
    ends(m);
    asynchronously(m);
    dead_workers(m);
  });
}
