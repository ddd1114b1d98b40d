// SPDX-License-Identifier: MIT

// Seed 003, the program under "Queue": a producer puts numbers into a queue, and a consumer takes
// them until it gets None, which is an empty optional here.
#include <iostream>
#include <optional>

#include <agora/agora.hpp>

namespace {

using Item = std::optional<int>;

void producer(const agora::queue<Item>& q) {
  for (int i = 0; i < 5; ++i) q.push(i);
}

void consumer(const agora::queue<Item>& q) {
  while (const Item item = q.pop()) std::cout << "Consumed: " << *item << '\n';
}

}  // namespace

int main() {
  const agora::manager m;
  const auto q = m.queue<Item>();
  agora::process p1(producer, q);
  agora::process p2(consumer, q);
  p1.join();
  q.push(std::nullopt);
  p2.join();
}
