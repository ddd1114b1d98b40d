// SPDX-License-Identifier: MIT

// A stopped process keeps a lock in shared memory beyond its ttl. A process that is dead, or whose
// session an admin ended, loses it: the next owner learns of it, and later operations of the old
// owner affect no other process.
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <signal.h>
#include <string>
#include <thread>

#include <agora/agora.hpp>

#include "tests/user/shared_world.hpp"

using namespace std::chrono_literals;

namespace {

constexpr auto kSoon = 60s;

bool free_for_another(const agora::mutex& lock) {
  return std::async(std::launch::async,
                    [&] {
                      if (!lock.try_lock()) return false;
                      lock.unlock();
                      return true;
                    })
      .get();
}

/// A child with a manager of its own that takes a lock, and continues after resume().
class Holder {
 public:
  using Then = std::function<void(const agora::manager&, const agora::mutex&)>;
  Holder(const agora::manager& m, const std::string& lock, agora::manager_options options,
         Then then)
      : child_([this, address = m.address(), lock, options, then] {
          const agora::manager mine(address, options);
          const agora::mutex held = mine.lock(lock);
          held.lock();
          USER_CHECK(mine.transport() == (options.shared_memory ? "shared memory" : "unix"));
          has_it_.give();
          go_.await();
          then(mine, held);
        }) {
    has_it_.await();
  }

  void resume() const { go_.give(); }
  agora::process& process() { return child_; }
  void ends_well() {
    child_.join();
    USER_CHECK(child_.exit_code() == 0);
  }

 private:
  user::Baton has_it_;
  user::Baton go_;
  agora::process child_;
};

void lost(const agora::manager&, const agora::mutex& lock) {
  USER_THROWS(lock.release(), agora::session_lost);
  USER_CHECK(!lock.held());
}

void stopped(const agora::manager& m) {
  const auto kept = m.lock("kept");
  const auto passed_on = m.lock("passed on");
  Holder mapped(m, "kept", {.ttl = 1s}, [&](const auto&, const agora::mutex& lock) {
    USER_CHECK(lock.held());
    USER_CHECK(!lock.owner_died());
    lock.release();
    lock.lock();
    USER_CHECK(lock.held());
    lock.release();
  });
  user::stop(mapped.process());
  // It started after the other stopped: when its ttl is over, so is the other's.
  Holder plain(m, "passed on", {.ttl = 1s, .shared_memory = false}, lost);
  user::stop(plain.process());
  USER_CHECK(passed_on.try_lock_for(kSoon));
  USER_CHECK(passed_on.owner_died());

  USER_CHECK(!kept.try_lock());
  USER_CHECK(!kept.try_lock_for(1ms));
  USER_CHECK(kept.locked());
  mapped.resume();
  user::go_on(mapped.process());
  USER_CHECK(kept.try_lock_for(kSoon));
  USER_CHECK(!kept.owner_died());
  kept.unlock();
  mapped.ends_well();

  plain.resume();
  user::go_on(plain.process());
  plain.ends_well();
  USER_CHECK(passed_on.held() && !free_for_another(passed_on));
  const std::uint64_t token = passed_on.token();
  passed_on.unlock();
  USER_CHECK(passed_on.try_lock() && !passed_on.owner_died() && passed_on.token() > token);
  passed_on.unlock();
}

void killed(const agora::manager& m, bool waits_before) {
  const auto lock = m.lock("killed");
  Holder holder(m, "killed", {}, {});
  std::future<bool> heir;
  const auto inherit = [&] {
    USER_CHECK(lock.try_lock_for(kSoon));
    const bool told = lock.owner_died();
    lock.unlock();
    return told;
  };
  if (waits_before) {
    heir = std::async(std::launch::async, inherit);
    user::await_waits(m, 1);
  }
  holder.process().kill();
  holder.process().join();
  // A later process may get the dead one's owner slot, but does not hold its lock.
  Holder next(m, "elsewhere", {}, [](const agora::manager& mine, const agora::mutex& held) {
    USER_CHECK(!mine.lock("killed").held());
    held.release();
  });
  USER_CHECK(waits_before ? heir.get() : inherit());
  next.resume();
  next.ends_well();
  lock.lock();
  USER_CHECK(!lock.owner_died());
  lock.unlock();
}

/// A process that is killed while it holds the lock breaks it.
void broken(const agora::manager& m) {
  const auto lock = m.lock("broken", {.on_owner_death = agora::on_owner_death::broken});
  lock.lock(), lock.unlock();
  Holder holder(m, "broken", {}, {});
  holder.process().kill();
  holder.process().join();
  USER_THROWS(lock.try_lock_for(kSoon), agora::owner_died);
  USER_THROWS(lock.lock(), agora::owner_died);
  lock.reset();
  lock.lock(), lock.unlock();
}

/// An admin ends the session of a living process: that may still write, but spoils nothing.
void ended_by_an_admin(const agora::manager& m) {
  const auto lock = m.lock("ended");
  Holder holder(m, "ended", {}, [](const agora::manager& mine, const agora::mutex& held) {
    held.unlock();
    while (held.held()) {
    }
    USER_CHECK(mine.ping());
    USER_CHECK(!held.try_lock());
  });
  for (auto& row : m.call<user::Rows>("server.sessions")) {
    const auto pid = row["pid"].get<int>();
    if (!pid || *pid != holder.process().pid()) continue;
    m.call<void>("server.end_session", *row["id"].get<std::string>());
  }
  USER_CHECK(lock.try_lock_for(kSoon));
  USER_CHECK(lock.owner_died());
  holder.resume();
  holder.ends_well();
  USER_CHECK(lock.held() && !free_for_another(lock));
  lock.unlock();
}

/// A lock outlasts the thread that holds it: no other thread gets that thread's owner slot.
void thread_ends(const agora::manager& m) {
  const auto lock = m.lock("left behind");
  const auto other = m.lock("other");
  Holder holder(m, "left behind", {}, [](const agora::manager& mine, const agora::mutex&) {
    const auto left = mine.lock("left by a thread");
    const auto taken = mine.lock("other");
    std::thread([&] { left.lock(); }).join();
    for (int i = 0; i < 100; ++i) {
      std::thread([&] {
        taken.lock();
        USER_CHECK(taken.held() && !left.held());
        USER_THROWS(left.release(), agora::not_owner);
        taken.unlock();
      }).join();
    }
    USER_CHECK(!left.try_lock());
  });
  holder.resume();
  holder.ends_well();
  for (const char* name : {"left behind", "left by a thread"}) {
    const auto left = m.lock(name);
    USER_CHECK(left.try_lock_for(kSoon));
    USER_CHECK(left.owner_died());
    left.unlock();
  }
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    stopped(m);
    killed(m, false);
    killed(m, true);
    broken(m);
    ended_by_an_admin(m);
    thread_ends(m);
    user::await_sessions(m, 1);
  });
}
