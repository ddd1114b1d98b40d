// SPDX-License-Identifier: MIT

// Seed 001, "Shared List": a child appends to a list, and extends it by two more in one step.
#include <iostream>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto shared_list = m.list<int>();

  agora::process process([=] {
    shared_list.push_back(1);
    shared_list.extend({2, 3});
  });
  process.join();
  std::cout << shared_list << '\n';
}
