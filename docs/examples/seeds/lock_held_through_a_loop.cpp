// SPDX-License-Identifier: MIT

// Seed 002, the program with mp.Lock(): two processes add 1 and 3 to a Value, five times each, and
// print what they see. Each holds the lock through its whole loop.
//
// The numbers of the two processes therefore never mix. Either process may be first, so there are
// two correct outputs.
#include <iostream>

#include <agora/agora.hpp>

namespace {

void job(const agora::value<int>& v, int num, const agora::mutex& l) {
  l.lock();
  for (int i = 0; i < 5; ++i) {
    v += num;
    std::cout << v << std::endl;
  }
  l.unlock();
}

}  // namespace

int main() {
  const agora::manager m;
  const auto l = m.lock();
  const auto v = m.value<int>("", 0);
  agora::process p1(job, v, 1, l);
  agora::process p2(job, v, 3, l);
  p1.join();
  p2.join();
}
