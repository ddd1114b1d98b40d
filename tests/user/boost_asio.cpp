// SPDX-License-Identifier: MIT

// Boost.Asio in place of standalone Asio: futures, executors, coroutines, and a pop that loses
// against a timer.
#define AGORA_USE_BOOST_ASIO
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

int main() {
  return user::run([] {
    const agora::manager m;
    const auto d = m.dict<std::string, int>("d", {{"a", 1}});
    USER_CHECK(d.async_at("a", asio::use_future).get() == 1);
    auto p = m.pipeline();
    const auto sum = d.async_add("a", 1, 0, p);
    p.run();
    USER_CHECK(sum.get() == 2);

    const auto q = m.queue<int>("q");
    asio::io_context loop;
    bool late = false;
    asio::co_spawn(
        loop,
        [&]() -> asio::awaitable<void> {
          USER_CHECK(co_await d.async_at("a", asio::use_awaitable) == 2);
          asio::steady_timer timer(loop, 10ms);
          const auto won =
              co_await (q.async_pop(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
          late = won.index() == 1;
        },
        asio::detached);
    loop.run();
    USER_CHECK(late);
    q.push(7);
    USER_CHECK(q.size() == 1);
  });
}
