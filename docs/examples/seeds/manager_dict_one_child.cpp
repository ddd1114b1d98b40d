// SPDX-License-Identifier: MIT

// Seed 001, the program with manager.dict(): a child fills a dict, and the parent prints it.
#include <iostream>
#include <string>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto shared_dict = m.dict<std::string, std::string>();

  agora::process process([=] {
    shared_dict["key1"] = "value1";
    shared_dict["key2"] = "value2";
  });
  process.join();
  std::cout << shared_dict << '\n';
}
