// SPDX-License-Identifier: MIT

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <agora/process.hpp>

#include "client/src/client/inherited.hpp"
#include "client/src/transport/deadline.hpp"
#include "client/src/transport/descriptors.hpp"
#include "client/src/transport/fork_guard.hpp"

namespace agora {
namespace {

constexpr int kUnknownCode = 255;

// Only the standard streams: a reading thread may hold the lock of another stream for long.
void flush_standard_streams() {
  std::cout.flush();
  std::cerr.flush();
  std::clog.flush();
  std::fflush(stdout);
  std::fflush(stderr);
}

int report(const char* what) {
  std::fprintf(stderr, "agora::process: %s\n", what);
  return 1;
}

// Waits until the child holds the objects that it inherited, or has ended. Its end is polled
// separately: a process that another thread forked meanwhile may keep the pipe open.
void wait_for_child(int ready, int pidfd) {
  pollfd wanted[] = {{ready, POLLIN, 0}, {pidfd, POLLIN, 0}};
  while (::poll(wanted, pidfd >= 0 ? 2 : 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

void process::start_body(Body& body) {
  int ready[2];
  if (!detail::make_pipe(ready)) throw std::system_error(errno, std::generic_category(), "pipe2");
  creator_ = detail::process_epoch();
  flush_standard_streams();
  pid_ = ::fork();
  if (pid_ < 0) {
    const int problem = errno;
    ::close(ready[0]);
    ::close(ready[1]);
    throw std::system_error(problem, std::generic_category(), "fork");
  }
  if (pid_ == 0) {
    int code = 1;
    try {
      ::close(ready[0]);
      detail::adopt_inherited();
      static_cast<void>(!::write(ready[1], "r", 1));
      ::close(ready[1]);
      code = body.run();
    } catch (const std::exception& caught) {
      code = report(caught.what());
    } catch (...) {
      code = report("an exception that is no std::exception");
    }
    flush_standard_streams();
    ::_exit(code);
  }
  pidfd_ = detail::above_standard(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  ::close(ready[1]);
  wait_for_child(ready[0], pidfd_);
  ::close(ready[0]);
}

process::process(process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      creator_(std::exchange(other.creator_, 0)),
      code_(std::exchange(other.code_, std::nullopt)) {}

process& process::operator=(process&& other) noexcept {
  if (this == &other) return *this;
  join();
  if (pidfd_ >= 0) ::close(pidfd_);
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::exchange(other.pidfd_, -1);
  creator_ = std::exchange(other.creator_, 0);
  code_ = std::exchange(other.code_, std::nullopt);
  return *this;
}

process::~process() {
  join();
  if (pidfd_ >= 0) ::close(pidfd_);
}

bool process::reap(int options) {
  // Only the process that forked the child can wait for it; for a process forked later the child is
  // a sibling.
  if (code_ || pid_ < 0 || creator_ != detail::process_epoch()) return true;
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(pid_, &status, options);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  if (got < 0) {
    code_ = kUnknownCode;
  } else {
    code_ = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  return true;
}

void process::join() { reap(0); }

bool process::join_within(const detail::Timeout& timeout) {
  const detail::Deadline deadline = timeout ? detail::deadline_in(*timeout) : std::nullopt;
  while (!reap(WNOHANG)) {
    if (detail::is_past(deadline)) return false;
    pollfd wanted{pidfd_, POLLIN, 0};
    // Without a pidfd (no descriptors left) it polls every 10 ms.
    ::poll(&wanted, 1, detail::milliseconds_left(deadline, pidfd_ >= 0 ? 60'000 : 10));
  }
  return true;
}

std::optional<int> process::exit_code() {
  reap(WNOHANG);
  return code_;
}

void process::send_signal(int number) {
  if (reap(WNOHANG)) return;
  if (pidfd_ >= 0) {
    syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0);
  } else {
    ::kill(pid_, number);
  }
}

}  // namespace agora
