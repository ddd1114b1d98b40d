// SPDX-License-Identifier: MIT

// Seed 000, the program under "Manager": three processes write into one dict.
//
// The manager starts a server process, which ends with this program. A dict keeps its keys in
// insertion order, so the order may differ from run to run.
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto shared_dict = m.dict<int, int>();

  std::vector<agora::process> processes;
  for (int key = 0; key < 3; ++key) {
    processes.emplace_back([=] { shared_dict[key] = key * 2; });
  }
  for (auto& p : processes) p.join();
  std::cout << shared_dict << '\n';
}
