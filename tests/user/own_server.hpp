// SPDX-License-Identifier: MIT

// OwnServer: a server with its own arguments and environment, which ends with this program.
#pragma once

#include <cstdlib>
#include <fcntl.h>
#include <functional>
#include <signal.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "tests/user/check.hpp"

namespace user {

class OwnServer {
 public:
  /// Runs AGORA_SERVER on a free port of loopback and a Unix socket; returns once it is ready.
  /// @param prepare  runs in its process before the program
  explicit OwnServer(
      const std::vector<std::string>& arguments = {}, std::function<void()> prepare = [] {}) {
    char folder[] = "/tmp/agora-own-XXXXXX";
    USER_CHECK(mkdtemp(folder) != nullptr);
    socket_ = std::string(folder) + "/s";
    int ends[2];
    USER_CHECK(pipe(ends) == 0);
    const pid_t owner = getpid();
    pid_ = fork();
    USER_CHECK(pid_ >= 0);
    if (pid_ == 0) become(arguments, prepare, owner, ends[1]);
    close(ends[1]);
    std::string line;
    char byte = 0;
    while (read(ends[0], &byte, 1) == 1 && byte != '\n') line += byte;
    close(ends[0]);
    const std::size_t tcp = line.find("tcp=");
    USER_CHECK(line.starts_with("ready ") && tcp != line.npos);
    tcp_ = line.substr(tcp + 4, line.find(' ', tcp) - tcp - 4);
  }
  ~OwnServer() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;

  std::string unix_address() const { return "unix:" + socket_; }
  std::string tcp_address() const { return "tcp://" + tcp_; }
  pid_t pid() const { return pid_; }

 private:
  [[noreturn]] void become(const std::vector<std::string>& arguments,
                           const std::function<void()>& prepare, pid_t owner, int output) const {
    dup2(output, 1);
    // The server notices any end of this program, and leaves no files behind.
    dup2(static_cast<int>(syscall(SYS_pidfd_open, owner, 0)), 3);
    fcntl(3, F_SETFD, 0);  // if it was 3 already it is close-on-exec
    closefrom(4);
    const char* program = std::getenv("AGORA_SERVER");
    USER_CHECK(program != nullptr);
    std::vector<std::string> all{
        program,      "--listen", "127.0.0.1:0", "--unix", socket_, "--remove-directory",
        "--owner-fd", "3",        "--log-level", "error"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> words;
    for (std::string& word : all) words.push_back(word.data());
    words.push_back(nullptr);
    prepare();
    execv(program, words.data());
    _exit(127);
  }

  std::string socket_;
  std::string tcp_;
  pid_t pid_ = -1;
};

}  // namespace user
