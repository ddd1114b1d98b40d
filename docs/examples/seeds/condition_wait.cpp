// SPDX-License-Identifier: MIT

// Seed 001, "Shared Condition": a child waits on a condition, and the parent notifies it.
//
// The seed hangs on CPython, most of the time: a lost wake-up. A notify wakes only the present
// waiters. The parent notifies at once, while the child still starts, and then the child waits for
// ever. A condition only says that the state may have changed. The state itself must be stored, and
// a waiter must check it before it waits: that is the predicate of wait. With it the order does not
// matter.
#include <iostream>
#include <mutex>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  auto condition = m.condition();
  const auto sent = m.value<bool>("", false);

  agora::process process([=]() mutable {
    std::unique_lock lock(condition.mutex());
    condition.wait(lock, [&] { return sent.load(); });
    std::cout << "Received signal\n";
  });
  {
    const std::lock_guard lock(condition.mutex());
    sent = true;
    condition.notify_one();
  }
  process.join();
}
