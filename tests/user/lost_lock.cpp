// A lock whose server goes away while it is held: the guard's destructor stays silent, held() says
// so, on_lost runs once, release() throws.
#include <mutex>
#include <signal.h>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

int main() {
  return user::run([] {
    agora::manager m;
    auto lock = m.lock("a");
    auto other = m.lock("b");
    int lost = 0;
    lock.on_lost([&] { ++lost; });
    const auto server_pid = m.call<std::map<std::string, agora::any>>("server.info")["pid"];
    {
      std::lock_guard guard(lock);
      other.lock();
      USER_CHECK(lock.held());
      USER_CHECK(kill(*server_pid.get<int>(), SIGKILL) == 0);
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
