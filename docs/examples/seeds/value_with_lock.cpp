// SPDX-License-Identifier: MIT

// Seed 000, process_lock_and_seg.py: five processes add 1 to a Value, each under a Lock.
//
// Under the lock, a load and a store are correct: no other process can store in between.
#include <iostream>
#include <mutex>
#include <vector>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto counter = m.value<int>("", 0);
  const auto lock = m.lock();

  std::vector<agora::process> processes;
  for (int i = 0; i < 5; ++i) {
    processes.emplace_back([=] {
      const std::lock_guard guard(lock);
      counter = counter.load() + 1;
    });
  }
  for (auto& p : processes) p.join();
  std::cout << counter << '\n';
}
