// SPDX-License-Identifier: MIT

// A program that has closed its standard streams: no descriptor of the library takes their numbers,
// so nothing that the program prints reaches the server.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/own_server.hpp"

namespace {

bool streams_are_closed() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) return false;
  }
  return true;
}

/// Uses the server in a child without standard streams. Returns the child's exit code.
template <typename Connect>
int use_without_streams(const Connect& connect) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    int code = 1;
    try {
      const agora::manager m = connect();
      const auto d = m.dict<int, int>("d");
      d[1] = 2;
      if (!streams_are_closed()) ::_exit(2);
      agora::process child([=] { ::_exit(streams_are_closed() && d.at(1) == 2 ? 0 : 1); });
      child.join();
      if (child.exit_code() != 0) ::_exit(3);
      code = streams_are_closed() && m.ping() ? 0 : 4;
    } catch (const std::exception&) {
      code = 5;
    }
    ::_exit(code);
  }
  int status = 0;
  USER_CHECK(::waitpid(pid, &status, 0) == pid);
  USER_CHECK(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

int main() {
  return user::run([] {
    const user::OwnServer server;
    USER_CHECK(use_without_streams([] { return agora::manager(); }) == 0);
    USER_CHECK(use_without_streams([&] { return agora::manager(server.unix_address()); }) == 0);
    USER_CHECK(use_without_streams([&] {
                 return agora::manager(server.unix_address(), {.shared_memory = false});
               }) == 0);
    USER_CHECK(use_without_streams([&] { return agora::manager(server.tcp_address()); }) == 0);
  });
}
