// Seed 001, the first program: a child changes a Value, and the parent sees it. Its Array part
// follows when the library has arrays.
#include <iostream>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto counter = m.value<int>("", 0);

  agora::process process([=] { counter += 1; });
  process.join();
  std::cout << counter << '\n';
}
