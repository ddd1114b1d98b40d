// SPDX-License-Identifier: MIT

// agora::value behaves as std::atomic does, wrapping included.
#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

/// Runs the same operations on both, with amounts at the limits of the type.
template <typename T>
void as_atomic(const agora::manager& m) {
  using Limits = std::numeric_limits<T>;
  for (const T start : {T{0}, Limits::max(), Limits::min()}) {
    for (const T amount : {T{1}, T{3}, Limits::max(), Limits::min()}) {
      const auto shared = m.value<T>("", start);
      std::atomic<T> local(start);
      USER_CHECK(shared.fetch_add(amount) == local.fetch_add(amount));
      USER_CHECK(shared == local.load());
      USER_CHECK(shared.fetch_sub(amount) == local.fetch_sub(amount));
      USER_CHECK(shared == start);
      USER_CHECK((shared += amount) == (local += amount));
      USER_CHECK((shared -= amount) == (local -= amount));
      USER_CHECK(shared++ == local++ && ++shared == ++local);
      USER_CHECK(shared-- == local-- && --shared == --local);
      USER_CHECK(shared.fetch_and(amount) == local.fetch_and(amount));
      USER_CHECK(shared.fetch_or(amount) == local.fetch_or(amount));
      USER_CHECK(shared.fetch_xor(amount) == local.fetch_xor(amount));
      USER_CHECK(shared == local.load());
    }
  }
}

void exchanges(const agora::manager& m) {
  const auto v = m.value<int>("v", 5);
  USER_CHECK(v.exchange(6) == 5 && v.load() == 6);
  int expected = 5;
  USER_CHECK(!v.compare_exchange_strong(expected, 9) && expected == 6);
  USER_CHECK(v.compare_exchange_strong(expected, 9) && v == 9);
  USER_CHECK((m.value<int>("v", 100) == 9));  // opened, not created
}

void other_kinds(const agora::manager& m) {
  const auto flag = m.value<bool>("", true);
  flag = false;
  USER_CHECK(!flag);
  const auto real = m.value<double>("", 0.5);
  USER_CHECK(real.fetch_add(0.25) == 0.5 && (real -= 1) == -0.25);
  const auto single = m.value<float>("", 0.5f);
  USER_CHECK(single == 0.5f);
  const auto text = m.value<std::string>("", "x");
  text.store("y");
  USER_CHECK(text == "y");
  const auto thing = m.value<>();
  USER_CHECK(thing.load().is_null());
  thing = std::vector<int>{1};
  USER_CHECK(*thing.load().get<std::vector<int>>() == std::vector<int>{1});
}

void from_many_threads(const agora::manager& m) {
  const auto v = m.value<std::uint64_t>();
  const auto real = m.value<double>();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([v, real] {
      for (int i = 0; i < 100; ++i) ++v, real.fetch_add(1);
    });
  }
  for (auto& thread : threads) thread.join();
  USER_CHECK(v == 400u && real == 400.0);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    as_atomic<std::int8_t>(m);
    as_atomic<std::uint16_t>(m);
    as_atomic<int>(m);
    as_atomic<std::int64_t>(m);
    as_atomic<std::uint64_t>(m);
    exchanges(m);
    other_kinds(m);
    from_many_threads(m);
  });
}
