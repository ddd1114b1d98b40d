// SPDX-License-Identifier: MIT

// A client sends nothing to the server of another user that has put a socket in the usual place.
// Only root can play that user: the program does nothing otherwise.

#include <array>
#include <csignal>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/own_server.hpp"

namespace {

constexpr uid_t kImpostor = 65534;

/// Listens at `path` as kImpostor. Reports each connection through `output`: the bytes that it got.
[[noreturn]] void impersonate(const std::string& path, int output) {
  if (setuid(kImpostor) != 0) _exit(1);
  const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  path.copy(where.sun_path, sizeof where.sun_path - 1);
  if (bind(listening, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) _exit(1);
  if (listen(listening, 8) != 0) _exit(1);
  std::int64_t bytes = 0;  // the first report: it listens
  for (;;) {
    if (write(output, &bytes, sizeof bytes) != sizeof bytes) _exit(0);
    const int client = accept(listening, nullptr, nullptr);
    std::array<char, 256> space;
    bytes = recv(client, space.data(), space.size(), 0);
    close(client);
  }
}

std::int64_t report(int input) {
  std::int64_t bytes = -1;
  USER_CHECK(read(input, &bytes, sizeof bytes) == sizeof bytes);
  return bytes;
}

std::string refusal_of(const std::string& address, const agora::manager_options& options) {
  try {
    const agora::manager m(address, options);
  } catch (const agora::unavailable& error) {
    return error.what();
  }
  return {};
}

}  // namespace

int main() {
  if (geteuid() != 0) return 0;
  char folder[] = "/tmp/agora-impostor-XXXXXX";
  USER_CHECK(mkdtemp(folder) != nullptr);
  USER_CHECK(chmod(folder, 0777) == 0);
  const std::string path = std::string(folder) + "/s";
  int ends[2];
  USER_CHECK(pipe(ends) == 0);
  const pid_t impostor = fork();
  if (impostor == 0) impersonate(path, ends[1]);
  close(ends[1]);
  USER_CHECK(report(ends[0]) == 0);

  const std::string refusal = refusal_of("unix:" + path, {});
  USER_CHECK(refusal.find("user 65534") != refusal.npos);
  USER_CHECK(refusal.find("peer_uid") != refusal.npos);
  USER_CHECK(report(ends[0]) == 0);

  // The caller may trust that user. The impostor closes the connection.
  const std::string closed = refusal_of("unix:" + path, {.peer_uid = kImpostor});
  USER_CHECK(!closed.empty());
  USER_CHECK(closed.find("65534") == closed.npos);
  USER_CHECK(report(ends[0]) > 0);

  kill(impostor, SIGKILL);
  waitpid(impostor, nullptr, 0);
  unlink(path.c_str());
  rmdir(folder);

  const user::OwnServer server;
  const agora::manager m(server.unix_address());
  USER_CHECK(m.ping());
}
