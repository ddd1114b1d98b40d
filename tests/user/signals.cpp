// SPDX-License-Identifier: MIT

// Signals that interrupt system calls affect no call.
#include <atomic>
#include <chrono>
#include <signal.h>
#include <string>
#include <sys/time.h>
#include <thread>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

std::atomic<int> interruptions{0};  // lock-free, so a handler may count with it

void count(int) { ++interruptions; }

}  // namespace

int main() {
  return user::run([] {
    agora::manager m;
    const auto d = m.dict<int, std::string>();
    const auto q = m.queue<int>();

    struct sigaction action {};
    action.sa_handler = count;  // without SA_RESTART
    USER_CHECK(sigaction(SIGVTALRM, &action, nullptr) == 0);
    USER_CHECK(sigaction(SIGUSR1, &action, nullptr) == 0);
    const itimerval often{{0, 200}, {0, 200}};
    USER_CHECK(setitimer(ITIMER_VIRTUAL, &often, nullptr) == 0);

    const std::string large(300'000, 'x');
    std::thread waiting([q] { USER_CHECK(q.pop() == 1); });
    for (int i = 0; i < 2000; ++i) {
      d[i % 10] = i % 100 == 0 ? large : std::to_string(i);
      pthread_kill(waiting.native_handle(), SIGUSR1);
    }
    const agora::manager second;  // starting and connecting
    USER_CHECK(second.ping());
    q.push(1);
    waiting.join();
    USER_CHECK(d.at(9) == "1999");
    USER_CHECK(interruptions > 100);
  });
}
