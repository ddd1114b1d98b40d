// SPDX-License-Identifier: MIT

// Seed 001, "Shared Semaphore": at most two processes at a time.
#include <iostream>

#include <agora/agora.hpp>

namespace {

void work(const agora::semaphore& semaphore) {
  semaphore.acquire();
  std::cout << "Semaphore acquired\n";
  semaphore.release();
}

}  // namespace

int main() {
  const agora::manager m;
  const auto semaphore = m.semaphore("", 2);

  agora::process process1(work, semaphore);
  agora::process process2(work, semaphore);
  process1.join();
  process2.join();
}
