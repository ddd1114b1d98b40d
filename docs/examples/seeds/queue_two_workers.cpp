// SPDX-License-Identifier: MIT

// Seed 002, the program with mp.Queue(): two processes compute, and return their results through a
// queue, since the function of a process has no return value.
#include <cstdint>
#include <iostream>

#include <agora/agora.hpp>

namespace {

void job(const agora::queue<std::int64_t>& q) {
  std::int64_t res = 0;
  for (std::int64_t i = 0; i < 1000; ++i) res += i + i * i + i * i * i;
  q.push(res);
}

}  // namespace

int main() {
  const agora::manager m;
  const auto q = m.queue<std::int64_t>();

  agora::process p1(job, q);
  agora::process p2(job, q);
  p1.join();
  p2.join();
  const auto res1 = q.pop();
  const auto res2 = q.pop();
  std::cout << res1 + res2 << '\n';
}
