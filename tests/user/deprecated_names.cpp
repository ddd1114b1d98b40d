// SPDX-License-Identifier: MIT

// Every deprecated name still compiles, and does so silently where a program asks for that.
#define AGORA_NO_DEPRECATED
#include <chrono>
#include <string>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

// Compiled, not called.
[[maybe_unused]] void use_all(agora::manager& m) {
  auto d = m.dict<std::string, int>("d");
  d.try_emplace("a", 1);
  d.wait_for("a");
  d.wait_for("a", 1s);
  d.async_try_emplace("a", 1, asio::use_future).get();
  d.async_pop_or("a", 1, asio::use_future).get();
  d.async_pop("a", 1, asio::use_future).get();
  d.async_pop("a", asio::use_future).get();
  auto q = m.queue<int>("q");
  q.dead();
  q.async_dead(asio::use_future).get();
  q.async_push_at(1, 2.0, asio::use_future).get();
  q.async_push(1, 2, asio::use_future).get();
  q.async_push(1, asio::use_future).get();
  q.async_push_delayed(1, 1s, asio::use_future).get();
  q.async_push_delayed(1, 1s, 2.0, asio::use_future).get();
  auto v = m.value<int>("v");
  v.async_compare_exchange(1, 2, asio::use_future).get();
  auto l = m.list<int>("l");
  const agora::list<int>::Place p = 1;
  l.slice(p);
  l.async_erase(0, asio::use_future).get();
  l.async_erase(0, 1, asio::use_future).get();
  agora::array<int>::Place ap = 1;
  m.array<int>("a", 3).slice(ap);
  agora::set<int>::Values sv = m.set<int>("s").items();
}
}  // namespace

int main() {
  return user::run([] {
    agora::manager m;
    const auto d = m.dict<std::string, int>("d");
    USER_CHECK(d.try_emplace("a", 1) == 1);
    USER_CHECK(d.get_or_insert("a", 2) == 1);
  });
}
