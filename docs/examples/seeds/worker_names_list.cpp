// SPDX-License-Identifier: MIT

// Seed 003, the program under "Manager": four processes append their names to one list.
//
// The names are in the order of the appends, which may differ from run to run.
#include <iostream>
#include <string>
#include <vector>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto shared_list = m.list<std::string>();

  std::vector<agora::process> processes;
  for (int i = 1; i <= 4; ++i) {
    processes.emplace_back([=](const std::string& name) { shared_list.push_back(name); },
                           "Process-" + std::to_string(i));
  }
  for (auto& process : processes) process.join();
  std::cout << "Result: " << shared_list << '\n';
}
