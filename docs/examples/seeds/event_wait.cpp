// SPDX-License-Identifier: MIT

// Seed 001, "Shared Event": a child waits for an event, which the parent sets.
#include <iostream>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto event = m.event();

  agora::process process([=] {
    event.wait();
    std::cout << "Event triggered\n";
  });
  event.set();
  process.join();
}
