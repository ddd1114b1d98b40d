// SPDX-License-Identifier: MIT

// Seed 001, "Shared Namespace": a child sets attributes, and the parent reads them.
#include <iostream>
#include <string>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto ns = m.namespace_();

  agora::process process([=] {
    ns["count"] = 0;
    ns["message"] = "Hello, World!";
  });
  process.join();
  std::cout << ns["count"] << '\n' << ns["message"].get<std::string>() << '\n';
}
