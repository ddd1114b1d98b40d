// SPDX-License-Identifier: MIT

// The server of a held lock goes away: the guard's destructor stays silent, held() is false,
// on_lost runs once, release() throws. Calls end at once, since it was a private server.
#include <atomic>
#include <future>
#include <mutex>
#include <signal.h>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

int main() {
  return user::run([] {
    agora::manager m;
    auto lock = m.lock("a");
    auto other = m.lock("b");
    std::atomic<int> lost{0};
    std::promise<void> told;
    lock.on_lost([&] { ++lost, told.set_value(); });
    const auto server_pid = m.call<std::map<std::string, agora::any>>("server.info")["pid"];
    {
      std::lock_guard guard(lock);
      other.lock();
      USER_CHECK(lock.held());
      USER_CHECK(kill(*server_pid.get<int>(), SIGKILL) == 0);
      told.get_future().wait();
      USER_THROWS(m.ping(), agora::unavailable);
      USER_CHECK(!lock.held());
      USER_CHECK(lost == 1);
    }
    USER_CHECK(!lock.held());
    USER_CHECK(lost == 1);
    USER_THROWS(other.release(), agora::session_lost);
    USER_THROWS(lock.lock(), agora::unavailable);
  });
}
