// SPDX-License-Identifier: MIT

// Seed 001, the first program: a child changes a Value and an Array, and the parent reads them.
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto counter = m.value<int>("", 0);
  const auto numbers = m.array<double>("", std::vector{1.0, 2.0, 3.0});

  agora::process process([=] {
    counter += 1;
    numbers[0] = 10.0;
  });
  process.join();
  std::cout << counter << '\n' << numbers << '\n';
}
