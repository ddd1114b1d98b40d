// SPDX-License-Identifier: MIT

// Seed 002, the program with mp.Array('i', [1, 2, 3, 4]): an array has one dimension and one type.
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto array = m.array<int>("array", std::vector{1, 2, 3, 4});
  std::cout << array << '\n';

  try {
    m.call<void>("array.set", "array", 0, 3.14);
  } catch (const agora::type_error&) {
    std::cout << "3.14 is no int\n";
  }
}
