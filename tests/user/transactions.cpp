// SPDX-License-Identifier: MIT

// atomically: many objects change in one step, or none does; and guards against a lost lock.
#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

/// Processes transfer money between accounts; none is lost in any interleaving.
void bank(const agora::manager& m) {
  const auto accounts = m.dict<int, int>("accounts", {{0, 100}, {1, 100}, {2, 100}});
  std::vector<agora::process> clerks;
  for (int n = 0; n < 3; ++n) {
    clerks.emplace_back([=] {
      for (int i = 0; i < 30; ++i) {
        const int from = (n + i) % 3;
        const int to = (from + 1) % 3;
        const int sum = m.atomically([&](agora::transaction& t) {
          const int left = t.get(accounts, from);
          const int there = t.get(accounts, to);
          t.set(accounts, from, left - 1);
          t.set(accounts, to, there + 1);
          return left + there;
        });
        USER_CHECK(sum <= 300);
      }
    });
  }
  for (auto& clerk : clerks) {
    clerk.join();
    USER_CHECK(clerk.exit_code() == 0);
  }
  USER_CHECK(accounts.at(0) == 100 && accounts.at(1) == 100 && accounts.at(2) == 100);
}

void runs_again(const agora::manager& m) {
  const auto l = m.list<int>("l", {1, 2, 3});
  const auto d = m.dict<std::string, int>("d");
  const auto v = m.value<int>("v", 1, {.local = false});
  int runs = 0;
  std::optional<agora::pipelined<int>> sum;
  m.atomically([&](agora::transaction& t) {
    ++runs;
    const int last = t.get(l, -1);
    USER_CHECK(t.get(l, 0) == 1 && t.get(v) == 1);
    if (!t.find(d, "x")) t.set(d, "x", last);
    sum = t.add(d, "n", 5);
    USER_THROWS(sum->get(), agora::runtime_error);  // not yet
    // Another client interferes, each time at another point.
    if (runs == 1) l.push_back(4);
    if (runs == 2) d["x"] = 9;
    if (runs == 3) d.erase("x");
  });
  USER_CHECK(runs == 4 && d.at("x") == 4 && sum->get() == 5);
  // Another client interferes every time.
  USER_THROWS(m.atomically([&](agora::transaction& t) { v = t.get(v) + 1; }), agora::conflict);
  USER_CHECK(v == 1 + agora::transaction::kAttemptsMax);
}

void all_or_nothing(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("all");
  const auto q = m.queue<int>("bounded", {.maxsize = 1});
  const auto s = m.set<int>("s");
  try {
    m.atomically([&](agora::transaction& t) {
      t.set(d, "a", 1);
      t.put(q, 1);
      t.put(q, 2);
    });
    USER_CHECK(false);
  } catch (const agora::full_error& caught) {
    USER_CHECK(caught.detail("index") == agora::any(2) && caught.done() == agora::Done::no);
  }
  USER_CHECK(d.empty() && q.empty());
  USER_THROWS(m.atomically([&](agora::transaction& t) {
    t.set(d, "a", 1);
    throw std::logic_error("changed my mind");
  }),
              std::logic_error);
  USER_CHECK(d.empty());
  USER_THROWS(m.atomically([&](agora::transaction& t) { t.get(d, "none"); }), agora::key_error);
  bool is_new = false;
  q.push(1);
  auto job = q.reserve();
  std::optional<agora::pipelined<bool>> added;
  m.atomically([&](agora::transaction& t) {
    is_new = !t.read<bool>(s, "set.contains", 3);
    added = t.call<bool>(s, "set.add", 3);
    t.acknowledge(job);
  });
  USER_CHECK(is_new && added->get() && s.contains(3) && !job);
  q.join();
  m.atomically([](agora::transaction&) {});
}

/// Reservations are settled, and items of a group are taken, in one step with other changes.
void settles(const agora::manager& m) {
  const auto jobs = m.queue<int>("jobs", {.max_deliveries = 2});
  const auto results = m.queue<int>("results");
  const agora::queue_group both{jobs, results};
  jobs.push(1);
  auto job = jobs.reserve();
  USER_THROWS(m.atomically([&](agora::transaction& t) {
    t.requeue(job);
    t.reject(job);
    t.put(results, 1);
  }),
              agora::not_found);
  USER_THROWS(m.atomically([&](agora::transaction& t) { t.get(both); }), agora::empty_error);
  USER_CHECK(job && jobs.empty() && results.empty());
  m.atomically([&](agora::transaction& t) {
    t.requeue(job, 0s, false);
    t.put(results, 2);
  });
  USER_CHECK(!job);
  job = jobs.reserve();
  USER_CHECK(job.deliveries() == 1);
  std::optional<agora::pipelined<agora::queue_group<int>::popped>> taken;
  m.atomically([&](agora::transaction& t) {
    t.reject(job, "too large");
    taken = t.get(both);
  });
  USER_CHECK(!job && taken->get().index == 1 && taken->get().item == 2);
  const auto letters = jobs.dead_letters();
  USER_CHECK(letters.size() == 1 && letters[0].item == 1 && letters[0].reason == "too large");
  jobs.push(3);
  job = jobs.reserve();
  m.atomically([&](agora::transaction& t) { t.requeue(job, 1h); });
  USER_CHECK(!job && !jobs.try_reserve());
  const auto words = m.queue<std::string>("words");
  words.push("x");
  const agora::queue_group wrong{m.queue<int>("words")};
  std::optional<agora::pipelined<agora::queue_group<int>::popped>> mistaken;
  m.atomically([&](agora::transaction& t) { mistaken = t.get(wrong); });
  USER_THROWS(mistaken->get(), agora::type_error);
}

/// A worker that lost its lock without knowing can do no harm.
void guards(const agora::manager& m) {
  const auto lock = m.lock("lock");
  const auto d = m.dict<std::string, int>("guarded");
  const auto l = m.list<int>();
  std::optional<agora::dict<std::string, int>> stale;
  {
    const std::lock_guard hold(lock);
    stale = agora::guarded(d, lock);
    (*stale)["a"] = 1;
    agora::guarded(l, lock).async_push_back(2, asio::use_future).get();
    agora::guarded(m.queue<int>("gq"), lock).push(1);
    m.atomically([&](agora::transaction& t) {
      t.guard(lock);
      // A guard is never dropped silently: a call that cannot carry it is refused.
      USER_THROWS(t.guard(lock), agora::value_error);
      USER_THROWS(t.add(*stale, "a", 1), agora::value_error);
      t.add(d, "a", 1);
    });
    USER_THROWS(agora::guarded(*stale, lock), agora::value_error);
    const agora::manager other;
    const auto foreign = other.dict<std::string, int>("guarded");
    m.atomically(
        [&](agora::transaction& t) { USER_THROWS(t.set(foreign, "a", 7), agora::value_error); });
  }
  USER_CHECK(d.at("a") == 2 && l.at(0) == 2 && *stale == d);
  USER_THROWS((*stale)["a"] = 3, std::runtime_error);
  USER_THROWS(agora::guarded(d, lock), agora::not_locked);
  {
    const std::lock_guard hold(lock);  // the same thread, but another grant
    USER_THROWS(stale->clear(), agora::stale_token);
    agora::guarded(d, lock).clear();
  }
  agora::lock_grant grant = lock.async_lock(asio::use_future).get();
  agora::guarded(d, grant)["b"] = 1;
  agora::lock_grant& same = grant;
  grant = std::move(same);
  USER_CHECK(lock.locked());
  grant.release();
  USER_CHECK(d.size() == 1);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    bank(m);
    runs_again(m);
    all_or_nothing(m);
    settles(m);
    guards(m);
  });
}
