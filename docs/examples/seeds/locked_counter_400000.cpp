// SPDX-License-Identifier: MIT

// Seed 003, the program under "Lock": four processes count to 400000 together, each step under a
// lock.
//
// Each step is four calls to the server, so without an argument every process does 500 steps
// instead of the seed's 100000; the argument is the number of steps. `counter += 1` alone would do
// the same without a lock and with one call.
#include <cstdlib>
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

int main(int argc, char** argv) {
  const int steps = argc > 1 ? std::atoi(argv[1]) : 500;
  const agora::manager m;
  const auto count = m.value<int>("", 0);
  const auto lock = m.lock();

  std::vector<agora::process> processes;
  for (int i = 0; i < 4; ++i) {
    processes.emplace_back([=] {
      for (int step = 0; step < steps; ++step) {
        lock.lock();
        count = count.load() + 1;
        lock.unlock();
      }
    });
  }
  for (auto& process : processes) process.join();
  std::cout << "Result: " << count << '\n';
}
