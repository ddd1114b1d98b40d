// SPDX-License-Identifier: MIT

// Seed 004, the last program: ten processes write into a dict and append to a list.
//
// Keys and values are of mixed types, so both are agora::any: the keys 0 to 9 have the value "1",
// and the key "2" has the value 2. The text "2" and the number 2 are different keys. The order of
// the keys, and of the elements after 0 to 4 in the list, may differ from run to run.
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto d = m.dict();
  const auto l = m.list<int>("", {0, 1, 2, 3, 4});

  std::vector<agora::process> processes;
  for (int n = 0; n < 10; ++n) {
    processes.emplace_back([=] {
      d[n] = "1";
      d["2"] = 2;
      l.push_back(n);
    });
  }
  for (auto& process : processes) process.join();
  std::cout << d << '\n' << l << '\n';
}
