// SPDX-License-Identifier: MIT

// kill -9 of the server: every call ends, and its error says whether the effect happened.
#include <chrono>
#include <future>
#include <signal.h>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

/// Returns the error with which a call ended.
template <typename Ended>
agora::Done ended(Ended call) {
  try {
    call();
  } catch (const agora::session_lost& caught) {
    return caught.done();
  } catch (const agora::unavailable& caught) {
    USER_CHECK(caught.done() != agora::Done::yes);
    return caught.done();
  }
  USER_FAIL("the call gave a value");
  return agora::Done::yes;
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    const auto q = m.queue<int>("q");
    const auto e = m.event("e");
    const auto server_pid = m.call<std::map<std::string, agora::any>>("server.info")["pid"];
    auto popping = std::async(std::launch::async, [&] { return ended([&] { q.pop(); }); });
    auto waiting = std::async(std::launch::async, [&] { return ended([&] { e.wait(); }); });
    auto told = q.async_pop(asio::use_future);
    while (m.call<std::vector<agora::any>>("server.waits").size() < 3) {
    }
    USER_CHECK(kill(*server_pid.get<int>(), SIGKILL) == 0);
    USER_CHECK(popping.get() == agora::Done::unknown);
    USER_CHECK(waiting.get() == agora::Done::no);
    USER_CHECK(ended([&] { told.get(); }) == agora::Done::unknown);
    USER_CHECK(ended([&] { q.push(1); }) != agora::Done::yes);
    USER_THROWS(q.push(1), agora::unavailable);
    USER_THROWS(q.async_push(1, asio::use_future).get(), agora::unavailable);
    auto p = m.pipeline();
    const auto size = q.async_size(p);
    p.run();
    USER_THROWS(size.get(), agora::unavailable);
  });
}
