// SPDX-License-Identifier: MIT

#include "client/cli/locked_command.hpp"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <agora/error.hpp>
#include <agora/manager.hpp>

#include "client/src/transport/wakeup.hpp"

namespace agora::detail {
namespace {

/// Blocks the signals that end or concern this process, for all threads that are made later, and
/// gives them out by a descriptor.
class Signals {
 public:
  Signals() {
    sigemptyset(&taken_);
    for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD}) {
      sigaddset(&taken_, number);
    }
    sigprocmask(SIG_BLOCK, &taken_, &before_);
    fd_ = ::signalfd(-1, &taken_, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~Signals() {
    if (fd_ >= 0) ::close(fd_);
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int fd() const { return fd_; }
  /// Returns the next signal; 0 if there is none.
  int next() const {
    signalfd_siginfo info{};
    return ::read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }
  /// Gives this process, the child, the signals that it had at its start.
  void restore() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t taken_{};
  sigset_t before_{};
  int fd_ = -1;
};

/// The reports of the manager's callback thread.
struct Reports {
  std::mutex mutex;
  bool answered = false;  // the acquire has its outcome
  bool lost = false;
  lock_grant grant;
  std::exception_ptr error;
  Wakeup wakeup;
};

/// Starts to acquire the lock. `reports` learns of the outcome, and of the loss of the lock.
void acquire(const mutex& lock, const LockedCommand& command,
             const std::shared_ptr<Reports>& reports) {
  lock.on_lost([reports] {
    const std::lock_guard guard(reports->mutex);
    reports->lost = true;
    reports->wakeup.wake();
  });
  const auto done = [reports](std::exception_ptr error, lock_grant grant) {
    const std::lock_guard guard(reports->mutex);
    reports->error = std::move(error);
    reports->grant = std::move(grant);
    reports->answered = true;
    reports->wakeup.wake();
  };
  if (!command.timeout) return lock.async_lock(done);
  lock.async_try_lock_for(Seconds(*command.timeout), done);
}

/// Waits for a signal, SIGCHLD included, or a report.
void wait_for_any(const Signals& signals, Reports& reports) {
  pollfd wanted[] = {{signals.fd(), POLLIN, 0}, {reports.wakeup.fd(), POLLIN, 0}};
  ::poll(wanted, 2, -1);
  reports.wakeup.drain();
}

/// Becomes the command, in the child. Only calls that are safe after fork() in a process with
/// threads.
[[noreturn]] void become(char* const* arguments, const Signals& signals, pid_t parent) {
  // The lock ends with its holder, however that ends; the command must not go on without it.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::raise(SIGTERM);
  signals.restore();
  ::execvp(arguments[0], arguments);
  const int problem = errno;
  constexpr std::string_view kPrefix = "agora: cannot run ";
  const char* const reason = problem == ENOENT ? ": not found\n" : ": not executable\n";
  static_cast<void>(!::write(2, kPrefix.data(), kPrefix.size()));
  static_cast<void>(!::write(2, arguments[0], std::strlen(arguments[0])));
  static_cast<void>(!::write(2, reason, std::strlen(reason)));
  ::_exit(problem == ENOENT ? kExitNotFound : kExitNotRunnable);
}

pid_t start(const LockedCommand& command, std::uint64_t token, const Signals& signals) {
  ::setenv("AGORA_TOKEN", std::to_string(token).c_str(), 1);
  std::vector<char*> arguments;
  for (const std::string& word : command.words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(arguments.data(), signals, parent);
  return child;
}

/// Waits until the command ends; passes signals on. Sends it SIGTERM once the lock is lost.
/// @return the status of waitpid()
int watch(pid_t child, const Signals& signals, Reports& reports, const std::string& lock) {
  bool told = false;
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    const bool lost = [&] {
      const std::lock_guard guard(reports.mutex);
      return reports.lost;
    }();
    if (lost && !std::exchange(told, true)) {
      std::cerr << "agora: the lock " << lock << " is lost; its command gets SIGTERM" << std::endl;
      ::kill(child, SIGTERM);
    }
    wait_for_any(signals, reports);
    while (const int number = signals.next()) {
      if (number == SIGTERM || number == SIGHUP) ::kill(child, number);
    }
  }
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? kExitSignal + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Waits for the outcome of the acquire. @return the signal that ended the wait, or 0
int await_grant(const Signals& signals, Reports& reports) {
  for (;;) {
    {
      const std::lock_guard guard(reports.mutex);
      if (reports.answered) return 0;
    }
    wait_for_any(signals, reports);
    while (const int number = signals.next()) {
      if (number != SIGCHLD) return number;
    }
  }
}

}  // namespace

int run_locked(const std::string& address, const LockedCommand& command) {
  const Signals signals;
  const manager m(address, {.client = "agora lock", .peer_uid = command.peer_uid});
  const mutex lock = m.lock(command.lock);
  const auto reports = std::make_shared<Reports>();
  acquire(lock, command, reports);
  if (const int number = await_grant(signals, *reports)) return kExitSignal + number;
  if (reports->error) std::rethrow_exception(reports->error);
  lock_grant grant = std::move(reports->grant);
  if (!grant) {
    std::cerr << "agora: the lock " << command.lock << " did not become free in time\n";
    return kExitNotLocked;
  }
  if (grant.owner_died()) {
    std::cerr << "agora: the last holder of " << command.lock << " ended without releasing it\n";
  }
  const pid_t child = start(command, grant.token(), signals);
  if (child < 0) {
    std::cerr << "agora: fork: " << std::strerror(errno) << '\n';
    return kExitNotRunnable;
  }
  const int status = watch(child, signals, *reports, command.lock);
  try {
    grant.release();
  } catch (const error& problem) {
    std::cerr << "agora: " << problem.what() << '\n';
    return kExitNotLocked;
  }
  return exit_code_of(status);
}

}  // namespace agora::detail
