// SPDX-License-Identifier: MIT

// The private server ends with its creator, also when that is killed. It outlives a forked child
// that ends first.
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

int server_pid(const agora::manager& m) {
  return *m.call<std::map<std::string, agora::any>>("server.info")["pid"].get<int>();
}

/// Waits until a process, which need not be a child, has ended.
bool ends(int pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return true;
  pollfd wanted{fd, POLLIN, 0};
  const bool ended = poll(&wanted, 1, 20'000) == 1;
  close(fd);
  return ended;
}

void with_its_manager() {
  int pid = 0;
  {
    agora::manager m;
    const agora::manager copy = m;
    pid = server_pid(copy);
  }
  USER_CHECK(kill(pid, 0) != 0);
}

void when_the_creator_is_killed() {
  int channel[2];
  USER_CHECK(pipe(channel) == 0);
  const pid_t creator = fork();
  if (creator == 0) {
    agora::manager m;
    const agora::process bystander([] { pause(); });  // holds inherited descriptors open
    const int pids[2] = {server_pid(m), bystander.pid()};
    if (write(channel[1], pids, sizeof pids) != sizeof pids) _exit(1);
    for (;;) pause();
  }
  int pids[2] = {};
  USER_CHECK(read(channel[0], pids, sizeof pids) == sizeof pids);
  kill(creator, SIGKILL);
  USER_CHECK(ends(pids[0]));
  USER_CHECK(kill(pids[1], SIGKILL) == 0);
  waitpid(creator, nullptr, 0);
}

/// The server has its standard streams and the files that it opened itself, none of its creator's.
void inherits_nothing() {
  const int file = open("/etc/hostname", O_RDONLY);  // not close-on-exec
  USER_CHECK(file >= 0);
  const agora::manager m;
  const std::string folder = "/proc/" + std::to_string(server_pid(m)) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    USER_CHECK(std::filesystem::read_symlink(entry.path()) != "/etc/hostname");
  }
  close(file);
}

/// The server outlives the thread that made the manager.
void not_with_a_thread() {
  std::optional<agora::manager> m;
  std::thread([&] { m.emplace(); }).join();
  const auto waited = m->event();
  USER_CHECK(!waited.wait_for(std::chrono::milliseconds(50)));
  USER_CHECK(m->ping());
}

void not_when_a_child_ends() {
  agora::manager m;
  auto d = m.dict<int, int>("d");
  const pid_t child = fork();
  if (child == 0) {
    {
      const agora::manager moved = std::move(m);
      d[1] = 1;
    }
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  USER_CHECK(d.at(1) == 1);
}

}  // namespace

int main() {
  return user::run([] {
    with_its_manager();
    when_the_creator_is_killed();
    not_when_a_child_ends();
    inherits_nothing();
    not_with_a_thread();
  });
}
