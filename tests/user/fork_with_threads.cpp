// SPDX-License-Identifier: MIT

// fork() while other threads are inside calls: the child uses the same proxies over a connection of
// its own, the parent's calls continue undisturbed, and no caller gets another's reply.
#include <atomic>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

/// Runs the destructors of statics; the manager's destructor must not end the server.
[[noreturn]] void leave() {
#if defined(__SANITIZE_ADDRESS__)
  _exit(0);  // the leak check may wait for a lock of the sanitizer that a vanished thread holds
#else
  std::exit(0);
#endif
}

void child(const agora::manager& m, const agora::dict<int, std::string>& d,
           const agora::list<int>& anonymous, int n) {
  d[1000 + n] = "child";
  USER_CHECK(d.at(1000 + n) == "child");
  anonymous.push_back(n);
  USER_CHECK(m.ping());
}

}  // namespace

int main() {
  return user::run([] {
    agora::manager m;
    auto d = m.dict<int, std::string>("d");
    auto anonymous = m.list<int>();
    auto never = m.queue<int>("never");
    std::atomic<bool> stop{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; !stop; ++i) {
          d[t] = std::to_string(i);
          USER_CHECK(d.at(t) == std::to_string(i));
        }
      });
    }
    threads.emplace_back([&] { USER_THROWS(never.pop(), agora::shut_down); });
    for (int n = 0; n < 20; ++n) {
      const pid_t pid = fork();
      if (pid == 0) {
        alarm(30);
        child(m, d, anonymous, n);
        leave();
      }
      int status = 0;
      USER_CHECK(waitpid(pid, &status, 0) == pid);
      USER_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    stop = true;
    never.close();
    for (auto& thread : threads) thread.join();
    USER_CHECK(d.size() == 24);
    USER_CHECK(anonymous.size() == 20);
  });
}
