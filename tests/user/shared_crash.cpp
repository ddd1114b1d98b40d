// SPDX-License-Identifier: MIT

// SIGKILL at every few instructions of the operations in shared memory: the parent single-steps a
// child through one lap and kills it there. No process is stuck, no step counts half, and the next
// owner learns of the death.

// Instructions are single-stepped: the fewer an operation has, the more of them are tried.
#ifndef __clang__
#pragma GCC optimize("O2")
#endif

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <signal.h>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <agora/agora.hpp>

#include "tests/user/shared_world.hpp"

using namespace std::chrono_literals;

namespace {

/// The kills of each operation.
constexpr std::size_t kKillsMax = user::kSanitized ? 15 : 50;
/// The most instructions stepped over all these kills: up to 20 microseconds each.
constexpr std::size_t kWalkMax = 20'000;
constexpr int kLapsAfter = 100;

/// The stage that the child recorded before it continued.
enum Stage : int { outside, locking, inside, unlocking };

struct Book {
  std::atomic<int> stage;
  std::atomic<int> open;  ///< the owner of the lock is between load and done
  std::atomic<std::uint64_t> done;
};

struct Ledger {
  Book lock;
  Book rlock;
  std::atomic<std::uint64_t> sum_begun;
  std::atomic<std::uint64_t> sum_ended;
};

struct World {
  agora::manager m;
  Ledger& ledger = user::shared<Ledger>();
  agora::mutex lock = m.lock("lock");
  agora::recursive_mutex rlock = m.rlock("rlock");
  agora::value<std::uint64_t> under_lock = m.value<std::uint64_t>("under lock");
  agora::value<std::uint64_t> under_rlock = m.value<std::uint64_t>("under rlock");
  agora::value<std::uint64_t> sum = m.value<std::uint64_t>("sum");
  agora::array<std::uint32_t> array = m.array<std::uint32_t>("array", 4);
  agora::dict<std::string, int> dict = m.dict<std::string, int>("dict", {{"key", 7}});
};

void step(Book& book, const agora::value<std::uint64_t>& count) {
  const std::uint64_t before = count.load();
  if (book.open.exchange(1) != 0) {
    USER_CHECK(before == book.done || before == book.done + 1);
    book.done = before;
  }
  USER_CHECK(before == book.done);
  count.store(before + 1);
  ++book.done;
  book.open = 0;
}

/// The operations of a lap, in order. All of them take place in memory.
using Operation = void (*)(const World&);
constexpr Operation kOperations[] = {
    [](const World& w) {
      w.ledger.lock.stage = locking;
      w.lock.lock();
      w.ledger.lock.stage = inside;
    },
    [](const World& w) { step(w.ledger.lock, w.under_lock); },
    [](const World& w) {
      w.ledger.lock.stage = unlocking;
      w.lock.unlock();
      w.ledger.lock.stage = outside;
    },
    [](const World& w) {
      w.ledger.rlock.stage = locking;
      w.rlock.lock();
      w.ledger.rlock.stage = inside;
    },
    [](const World& w) { w.rlock.lock(); },
    [](const World& w) { step(w.ledger.rlock, w.under_rlock); },
    [](const World& w) { w.rlock.unlock(); },
    [](const World& w) {
      w.ledger.rlock.stage = unlocking;
      w.rlock.unlock();
      w.ledger.rlock.stage = outside;
    },
    [](const World& w) {
      ++w.ledger.sum_begun;
      w.sum.fetch_add(1);
      ++w.ledger.sum_ended;
    },
    [](const World& w) { w.array.add(2, 1); },
    [](const World& w) { USER_CHECK(w.dict.at("key") == 7 && w.dict.size() == 1); },
    [](const World& w) {
      w.ledger.lock.stage = locking;
      USER_CHECK(w.lock.try_lock());
      w.lock.unlock();
      w.ledger.lock.stage = outside;
    },
};
constexpr std::size_t kCount = std::size(kOperations);

/// Runs one lap. Stops itself before and after the operation of that number, if there is one.
void lap(const World& w, std::size_t stop = kCount) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (i == stop) raise(SIGSTOP);
    kOperations[i](w);
    if (i == stop) raise(SIGSTOP);
  }
}

/// A child that is about to start an operation, and is single-stepped from there.
class SteppedChild {
 public:
  SteppedChild(const World& w, std::size_t operation) : pid_(fork()) {
    USER_CHECK(pid_ >= 0);
    if (pid_ == 0) follow(w, operation);
    int status = 0;
    USER_CHECK(waitpid(pid_, &status, 0) == pid_ && is_waiting(status));
  }
  SteppedChild(const SteppedChild&) = delete;
  SteppedChild& operator=(const SteppedChild&) = delete;
  ~SteppedChild() {
    kill(pid_, SIGKILL);
    int status = 0;
    USER_CHECK(waitpid(pid_, &status, 0) == pid_ && WIFSIGNALED(status));
  }

  /// Steps `most` instructions, or fewer if the operation ends. Returns how many.
  std::size_t walk(std::size_t most) const {
    for (std::size_t steps = 0; steps < most; ++steps) {
      USER_CHECK(ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) == 0);
      int status = 0;
      USER_CHECK(waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status));
      if (is_waiting(status)) return steps;
      USER_CHECK(WSTOPSIG(status) == SIGTRAP);
    }
    return most;
  }

 private:
  [[noreturn]] static void follow(const World& w, std::size_t operation) {
    lap(w), lap(w);  // locates all objects and gets its owner slot
    USER_CHECK(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0);
    lap(w, operation);
    _exit(1);
  }
  static bool is_waiting(int status) { return WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP; }

  const pid_t pid_;
};

template <typename Lock>
void inherit(const Lock& lock, Book& book, const agora::value<std::uint64_t>& count) {
  const int stage = book.stage.exchange(outside);
  USER_CHECK(lock.try_lock_for(60s));
  if (stage == outside) USER_CHECK(!lock.owner_died() && book.open == 0);
  if (stage == inside) USER_CHECK(lock.owner_died());
  if (book.open != 0) USER_CHECK(lock.owner_died());
  step(book, count);
  lock.unlock();
}

void check_after(const World& w) {
  Ledger& books = w.ledger;
  inherit(w.lock, books.lock, w.under_lock);
  inherit(w.rlock, books.rlock, w.under_rlock);
  const std::uint64_t sum = w.sum.load();
  USER_CHECK(books.sum_ended <= sum && sum <= books.sum_begun);
  books.sum_begun = sum, books.sum_ended = sum;
  for (int i = 0; i < kLapsAfter; ++i) lap(w);
  USER_CHECK(!w.lock.locked() && !w.rlock.locked());
}

/// Checks that all is as before: an operation that needed no call needs none again.
void check_speed(const World& w) {
  const auto calls = [&] {
    return *w.m.call<std::map<std::string, agora::any>>("server.stats")["calls"].get<int>();
  };
  lap(w);
  const int before = calls();
  for (int i = 0; i < kLapsAfter; ++i) lap(w);
  USER_CHECK(calls() - before < kLapsAfter / 10);
}

void kill_in(const World& w, std::size_t operation, std::minstd_rand& chance) {
  std::size_t length = 0;
  {
    const SteppedChild whole(w, operation);
    length = whole.walk(kWalkMax * 10);
  }
  check_after(w);
  USER_CHECK(length > 10 && length < kWalkMax * 10);
  const std::size_t kills = std::min(kKillsMax, 2 * kWalkMax / length);
  const std::size_t stride = length / kills + 1;
  for (std::size_t at = chance() % stride; at < length; at += stride) {
    {
      const SteppedChild child(w, operation);
      child.walk(at);
    }
    check_after(w);
  }
}

}  // namespace

int main() {
  return user::run([] {
    std::minstd_rand chance(user::seed());
    const World w;
    USER_CHECK(w.m.transport() == "shared memory");
    lap(w);
    for (std::size_t operation = 0; operation < kCount; ++operation) kill_in(w, operation, chance);
    user::await_sessions(w.m, 1);
    check_speed(w);
  });
}
