// What a program gives up too late or too early: an unlock without a connection reaches the server
// when there is one again, and nothing that comes after its deadline stays with the session.
#include <chrono>
#include <thread>

#include <agora/agora.hpp>

#include "tests/user/cutting_proxy.hpp"

using namespace std::chrono_literals;

namespace {

void unlocking(const agora::manager& server) {
  user::CuttingProxy way(server.address());
  const agora::manager m(way.address(), {.ttl = 3600s, .deadline = 20ms});
  const auto lock = m.lock("l");
  lock.lock();
  way.shut();
  lock.unlock();
  USER_CHECK(!lock.held());
  way.open();
  USER_CHECK(server.lock("l").try_lock_for(50s));
  server.lock("l").unlock();
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager server;
    unlocking(server);
  });
}
