// SPDX-License-Identifier: MIT

// The same objects over TCP, by name and by address.
#include <chrono>
#include <future>
#include <signal.h>
#include <stdlib.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

/// An agorad on a free port of loopback.
struct Server {
  Server() {
    int ends[2];
    USER_CHECK(pipe(ends) == 0);
    pid = fork();
    if (pid == 0) {
      dup2(ends[1], 1);
      const char* program = getenv("AGORA_SERVER");
      USER_CHECK(program != nullptr);
      execl(program, program, "--listen", "127.0.0.1:0", "--no-unix", "--log-level", "warn",
            nullptr);
      _exit(127);
    }
    close(ends[1]);
    std::string line;
    char byte = 0;
    while (read(ends[0], &byte, 1) == 1 && byte != '\n') line += byte;
    close(ends[0]);
    USER_CHECK(line.starts_with("ready tcp=127.0.0.1:"));
    port = line.substr(line.rfind(':') + 1);
  }
  ~Server() {
    kill(pid, SIGTERM);
    waitpid(pid, nullptr, 0);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  pid_t pid = 0;
  std::string port;
};

}  // namespace

using namespace std::chrono_literals;

int main() {
  return user::run([] {
    const Server server;
    const agora::manager by_address("tcp://127.0.0.1:" + server.port);
    const agora::manager by_name("tcp://localhost:" + server.port, {.client = "named"});
    USER_CHECK(by_address.transport() == "tcp");
    const auto d = by_address.dict<std::string, int>("d", {{"a", 1}});
    USER_CHECK((by_name.dict<std::string, int>("d").at("a") == 1));
    const std::string large(3'000'000, 'x');
    const auto words = by_name.list<std::string>();
    words.push_back(large);
    USER_CHECK(words.at(0) == large);

    const auto lock = by_address.lock("l");
    lock.lock();
    agora::process child([=] { USER_CHECK(!lock.try_lock() && d.at("a") == 1); });
    child.join();
    USER_CHECK(child.exit_code() == 0);
    lock.release();

    // A remote server may come back, so the client gives the session up only after its ttl. A call
    // under way certainly gets that error: on a slow machine, too, it started in that session.
    const agora::manager brief("tcp://127.0.0.1:" + server.port, {.ttl = 1s});
    auto under_way = brief.queue<int>("q").async_pop(asio::use_future);
    kill(server.pid, SIGKILL);
    USER_THROWS(under_way.get(), agora::session_lost);
    USER_THROWS(brief.ping(), agora::unavailable);
    USER_THROWS(agora::manager("tcp://127.0.0.1:1"), agora::unavailable);
  });
}
