// SPDX-License-Identifier: MIT

// Seed 002, the program with mp.Value('i', 0) and mp.Value('d', 3.14): two kinds of numbers.
//
// The C++ type determines the typecode: int is `i`, a 32-bit integer, and double is `d`. The server
// enforces the typecode for every client.
#include <iostream>

#include <agora/agora.hpp>

int main() {
  const agora::manager m;
  const auto value1 = m.value<int>("value1", 0);
  const auto value2 = m.value<double>("value2", 3.14);
  std::cout << value1 << '\n' << value2 << '\n';

  try {
    m.call<void>("value.set", "value1", 3.14);
  } catch (const agora::type_error&) {
    std::cout << "3.14 is no int\n";
  }
}
