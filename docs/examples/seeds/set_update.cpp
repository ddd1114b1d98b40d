// SPDX-License-Identifier: MIT

// Seed 001, "Shared Set": a child adds to a set.
//
// CPython has no manager.set(), so the seed ends with AttributeError there; agora has sets.
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto set = m.set<int>();

  agora::process process([=] {
    set.insert(1);
    set.update({2, 3});
  });
  process.join();
  std::cout << set << '\n';
}
