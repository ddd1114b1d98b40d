// SPDX-License-Identifier: MIT

// m.pipeline(): many calls in few writes; each has its own value or error.
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

int main() {
  return user::run([] {
    const agora::manager m;
    const auto d = m.dict<std::string, int>("d");
    const auto l = m.list<int>();
    auto p = m.pipeline();
    std::vector<agora::pipelined<int>> sums;
    for (int i = 0; i < 3'000; ++i) sums.push_back(d.async_add("n", 1, 0, p));
    const auto missing = d.async_at("z", p);
    const auto written = l.async_push_back(4, p);
    const auto content = l.async_copy(p);
    const auto anything = m.async_call<std::string>("ping", p);
    USER_CHECK(p.size() == 3'004);
    USER_THROWS(sums[0].get(), agora::runtime_error);
    USER_CHECK(!d.contains("n"));
    p.run();
    USER_CHECK(p.size() == 0);
    for (int i = 0; i < 3'000; ++i) USER_CHECK(sums[static_cast<std::size_t>(i)].get() == i + 1);
    USER_THROWS(missing.get(), agora::key_error);
    written.get();
    USER_CHECK(content.get() == std::vector<int>{4});
    USER_CHECK(anything.get() == "pong");

    // The same again, from a child; and a pipeline that never runs.
    agora::process child([=, &p] {
      const auto more = d.async_add("n", 1, 0, p);
      p.run();
      USER_CHECK(more.get() == 3'001);
    });
    child.join();
    USER_CHECK(child.exit_code() == 0);
    auto kept = [&] {
      auto never = m.pipeline();
      return d.async_add("n", 1, 0, never);
    }();
    USER_THROWS(kept.get(), agora::cancelled);
    USER_CHECK(d.at("n") == 3'001);

    const agora::manager other(m.address());
    const auto foreign = other.dict<std::string, int>("d").async_at("n", p);
    USER_THROWS(foreign.get(), agora::value_error);
  });
}
