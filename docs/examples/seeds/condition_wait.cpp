// Seed 001, "Shared Condition": a child waits on a condition, and the parent notifies it.
//
// The seed hangs on CPython, most of the time. A notify goes to those who wait at that moment; the
// parent notifies at once, while the child still starts, so nobody hears it, and then the child
// waits for ever. A condition says only that something may have changed. What has changed must be
// kept somewhere, and whoever waits looks there first: that is the predicate of wait. With it the
// order does not matter.
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
