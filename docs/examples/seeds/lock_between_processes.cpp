// SPDX-License-Identifier: MIT

// Seed 001, "Shared Lock": a child does its work under a lock.
//
// The parent holds the lock first, so the child has to wait for it: the order of the lines is
// always the same.
#include <iostream>
#include <mutex>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto lock = m.lock();

  lock.lock();
  agora::process process([=] {
    const std::lock_guard guard(lock);
    std::cout << "Lock acquired\n";
  });
  std::cout << "The parent gives the lock back" << std::endl;
  lock.unlock();
  process.join();
}
