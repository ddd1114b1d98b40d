// SPDX-License-Identifier: MIT

#include "client/src/server/private_server.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <agora/error.hpp>

#include "client/src/server/server_binary.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/descriptors.hpp"
#include "client/src/transport/fork_guard.hpp"

extern char** environ;

namespace agora::detail {
namespace {

constexpr int kOwnerFd = 3;             // the pidfd of this process, in the server
constexpr int kEndMilliseconds = 5000;  // for an orderly shutdown

[[noreturn]] void refuse(const std::string& reason) {
  throw_error({Errc::unavailable, "the private server did not start: " + reason, Done::no, {}});
}

[[noreturn]] void refuse(const char* step, int problem) {
  refuse(std::string(step) + ": " + std::strerror(problem));
}

int pidfd_of(pid_t pid) {
  return above_standard(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

std::string make_folder() {
  for (const char* variable : {"XDG_RUNTIME_DIR", "TMPDIR", ""}) {
    const char* parent = *variable == '\0' ? "/tmp" : std::getenv(variable);
    // The path of a Unix socket has 107 bytes at most.
    if (parent == nullptr || *parent != '/' || std::strlen(parent) > 70) continue;
    std::string folder = std::string(parent) + "/agora-XXXXXX";
    if (mkdtemp(folder.data()) != nullptr) return folder;
  }
  refuse("no folder for its socket", errno);
}

// Owns the two attribute objects of posix_spawn.
struct Actions {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  Actions() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

// Gives the server standard input from /dev/null, standard output to a pipe, the standard error of
// this process and the owner's pidfd; closes all other descriptors. Starts a new terminal session,
// so that Ctrl-C at a terminal does not reach the server.
void set_up(Actions& actions, int output, int owner) {
  posix_spawn_file_actions_addopen(&actions.files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions.files, output, 1);
  posix_spawn_file_actions_adddup2(&actions.files, owner, kOwnerFd);
  posix_spawn_file_actions_addclosefrom_np(&actions.files, kOwnerFd + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  posix_spawnattr_setsigmask(&actions.attributes, &none);
  posix_spawnattr_setsigdefault(&actions.attributes, &all);
  posix_spawnattr_setflags(&actions.attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
  return "it ended with exit code " + std::to_string(WEXITSTATUS(status)) +
         "; its standard error says why";
}

}  // namespace

PrivateServer::PrivateServer() : creator_(process_epoch()) {}

std::shared_ptr<PrivateServer> PrivateServer::start(std::chrono::nanoseconds timeout) {
  auto program = find_server_binary();
  if (!program) throw_error(std::move(program.error()));
  std::shared_ptr<PrivateServer> server(new PrivateServer);
  server->folder_ = make_folder();
  server->spawn(*program);
  server->wait_until_ready(timeout);
  return server;
}

void PrivateServer::spawn(const std::string& program) {
  // Use descriptors above the numbers that the server gets, so that no dup2 closes one of them.
  const int self = pidfd_of(getpid());
  if (self < 0) refuse("pidfd_open", errno);
  const int owner = fcntl(self, F_DUPFD_CLOEXEC, kOwnerFd + 1);
  ::close(self);
  int ends[2];
  if (owner < 0 || !make_pipe(ends)) {
    const int problem = errno;
    if (owner >= 0) ::close(owner);
    refuse("pipe", problem);
  }
  const int output = fcntl(ends[1], F_DUPFD_CLOEXEC, kOwnerFd + 1);
  ::close(ends[1]);
  output_ = ends[0];

  Actions actions;
  set_up(actions, output, owner);
  const std::string socket = folder_ + "/agora.sock";
  const std::string owner_fd = std::to_string(kOwnerFd);
  const char* const arguments[] = {
      program.c_str(), "--no-tcp",       "--unix",      socket.c_str(), "--remove-directory",
      "--owner-fd",    owner_fd.c_str(), "--log-level", "warn",         nullptr};
  const int problem = posix_spawn(&pid_, program.c_str(), &actions.files, &actions.attributes,
                                  const_cast<char* const*>(arguments), environ);
  ::close(output);
  ::close(owner);
  if (problem != 0) {
    pid_ = -1;
    refuse(program.c_str(), problem);
  }
  pidfd_ = pidfd_of(pid_);
}

// Reads the line `ready unix=/path`.
void PrivateServer::wait_until_ready(std::chrono::nanoseconds timeout) {
  const Deadline deadline = deadline_in(timeout);
  std::string line;
  while (line.find('\n') == std::string::npos) {
    // Poll the pidfd too: a process that another thread forked meanwhile may hold the pipe open, so
    // the pipe need not end with the server.
    pollfd wanted[] = {{output_, POLLIN, 0}, {pidfd_, POLLIN, 0}};
    if (is_past(deadline)) refuse("it was not ready in time");
    if (::poll(wanted, pidfd_ >= 0 ? 2 : 1, milliseconds_left(deadline, 1000)) <= 0) continue;
    char bytes[256];
    const ssize_t got = wanted[0].revents == 0 ? 0 : ::read(output_, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      int status = 0;
      const bool known = ::waitpid(pid_, &status, 0) == pid_;
      pid_ = -1;
      refuse(known ? how_it_ended(status) : "it ended at once");
    }
    line.append(bytes, static_cast<std::size_t>(got));
    if (line.size() > 4096) break;
  }
  if (!line.starts_with("ready ")) refuse("it said: " + line.substr(0, 200));
  ::close(output_);
  output_ = -1;
}

// Signals by pidfd: a SIGCHLD handler may have reaped the process, and its pid may be reused.
void PrivateServer::send_signal(int number) {
  if (pidfd_ >= 0) {
    syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
  } else {
    ::kill(pid_, number);
  }
}

bool PrivateServer::wait_exited(int milliseconds) {
  const Deadline deadline = deadline_in(std::chrono::milliseconds(milliseconds));
  while (!is_past(deadline)) {
    pollfd wanted{pidfd_, POLLIN, 0};
    if (::poll(&wanted, 1, milliseconds_left(deadline, milliseconds)) > 0) return true;
  }
  return false;
}

bool PrivateServer::gone() const {
  pollfd wanted{pidfd_, POLLIN, 0};
  return pidfd_ >= 0 && ::poll(&wanted, 1, 0) > 0;
}

void PrivateServer::close_descriptors() {
  for (int* fd : {&pidfd_, &output_}) {
    if (*fd >= 0) ::close(*fd);
    *fd = -1;
  }
}

PrivateServer::~PrivateServer() {
  if (creator_ != process_epoch()) {
    close_descriptors();
    return;
  }
  if (pid_ > 0) {
    send_signal(SIGTERM);
    if (pidfd_ >= 0 && !wait_exited(kEndMilliseconds)) send_signal(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  close_descriptors();
  if (folder_.empty()) return;
  // A killed server leaves both behind.
  for (const char* file : {"/agora.sock", "/agora.sock.lock"}) {
    ::unlink((folder_ + file).c_str());
  }
  ::rmdir(folder_.c_str());
}

}  // namespace agora::detail
