// SPDX-License-Identifier: MIT

// agora::process: exit codes, signals, exceptions, joining.
#include <chrono>
#include <iostream>
#include <signal.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

int main() {
  return user::run([] {
    agora::process good([] {});
    good.join();
    USER_CHECK(good.exit_code() == 0);
    USER_CHECK(!good.is_alive());

    agora::process three([](int a, int b) { return a + b; }, 1, 2);
    three.join();
    USER_CHECK(three.exit_code() == 3);

    agora::process thrower([] { throw std::runtime_error("this line is expected"); });
    thrower.join();
    USER_CHECK(thrower.exit_code() == 1);

    agora::process sleeper([] { pause(); });
    USER_CHECK(sleeper.is_alive());
    USER_CHECK(sleeper.pid() > 0 && sleeper.pid() != getpid());
    USER_CHECK(!sleeper.exit_code());
    USER_CHECK(!sleeper.join_for(1ms));
    sleeper.terminate();
    USER_CHECK(sleeper.join_for(20s));
    USER_CHECK(sleeper.exit_code() == -SIGTERM);

    agora::process killed([] { pause(); });
    agora::process moved = std::move(killed);
    moved.kill();
    moved.join();
    USER_CHECK(moved.exit_code() == -SIGKILL);

    agora::manager m;
    auto e = m.event("e");
    {
      agora::process joined_by_destructor([e] { e.set(); });
    }
    USER_CHECK(e.is_set());
  });
}
