// SPDX-License-Identifier: MIT

// A value that takes longer than the session's ttl to go over a slow link arrives, in both
// directions, over one connection; the session keeps its locks.
#include <chrono>
#include <string>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/cutting_proxy.hpp"
#include "tests/user/own_server.hpp"

using namespace std::chrono_literals;

int main() {
  return user::run([] {
    const user::OwnServer server;
    user::CuttingProxy link(server.unix_address());
    const agora::manager m(link.address(), {.ttl = 1s, .shared_memory = false});
    const auto d = m.dict<int, std::string>("d");
    const auto lock = m.lock("l");
    lock.lock();
    const std::uint64_t token = lock.token();
    std::string value(std::size_t{4} << 20, 'v');
    link.slow_down(40ms);  // 1.6 MB/s: 2.6 s for the value
    const auto began = std::chrono::steady_clock::now();
    d[1] = value;
    USER_CHECK(std::chrono::steady_clock::now() - began > 1s);
    USER_CHECK(d.at(1) == value);
    link.slow_down(0ms);
    USER_CHECK(link.connections() == 1);
    USER_CHECK(lock.held());
    USER_CHECK(lock.token() == token);
    lock.release();
  });
}
