// SPDX-License-Identifier: MIT

// Seed 000, data_share_demo.py (5 processes), and seed 003, the program under "Value" (4 of them):
// each process does `num.value += 1` without a lock. The Array that seed 000 makes is never used.
//
// In Python that line is a load and a store, and a store of another process in between is lost: a
// lost update. The first function shows it: every process loads before any of them stores. The
// second function uses the C++ line that looks the same, and is one atomic operation.
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

namespace {

constexpr int kProcesses = 5;

void load_then_store(const agora::manager& m) {
  const auto counter = m.value<int>("", 0);
  const auto loaded = m.queue<int>();
  const auto all_have_loaded = m.event();
  std::vector<agora::process> processes;
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([=] {
      const int seen = counter.load();
      loaded.push(seen);
      all_have_loaded.wait();
      counter.store(seen + 1);
    });
  }
  for (int i = 0; i < kProcesses; ++i) loaded.pop();
  all_have_loaded.set();
  for (auto& p : processes) p.join();
  std::cout << "load, then store: " << counter << '\n';
}

void atomically(const agora::manager& m) {
  const auto counter = m.value<int>("", 0);
  std::vector<agora::process> processes;
  for (int i = 0; i < kProcesses; ++i) {
    processes.emplace_back([=] { counter += 1; });  // so would counter.fetch_add(1)
  }
  for (auto& p : processes) p.join();
  std::cout << "in one step: " << counter << '\n';
}

}  // namespace

int main() {
  const agora::manager m;
  load_then_store(m);
  atomically(m);
}
