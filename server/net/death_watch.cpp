// SPDX-License-Identifier: MIT

#include "server/net/death_watch.hpp"

#include <cerrno>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <asio/post.hpp>

namespace agora {
namespace {

#ifdef SO_PEERPIDFD
constexpr int kPeerPidfd = SO_PEERPIDFD;
#else
constexpr int kPeerPidfd = 77;  // Linux 6.5; older kernels refuse it
#endif

/// Returns whether the process of a pidfd has ended.
bool has_ended(int pidfd) {
  pollfd end{pidfd, POLLIN, 0};
  return ::poll(&end, 1, 0) > 0;
}

/// Opens a pidfd of the process that has connected the socket. The result is not open if there are
/// no descriptors left; nullopt if the process has ended.
std::optional<Descriptor> open_peer(int socket, std::int64_t pid) {
  int opened = -1;
  socklen_t size = sizeof opened;
  if (::getsockopt(socket, SOL_SOCKET, kPeerPidfd, &opened, &size) == 0) return Descriptor{opened};
  if (errno == ESRCH || errno == EINVAL) return std::nullopt;  // it was waited for already
  if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) return Descriptor{};
  // An older kernel. The process id may be of another process by now; it is all there is.
  opened = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
  if (opened < 0 && errno == ESRCH) return std::nullopt;
  return Descriptor{opened};
}

}  // namespace

DeathWatch::Process::Process(DeathWatch& watch, Descriptor opened, std::int64_t its_pid)
    : owner(watch), pidfd(watch.io_), pid(its_pid) {
  std::error_code error;
  pidfd.assign(opened.get(), error);
  if (!error) opened.release();  // else the kernel is out of memory
  ++owner.open_;
}

void DeathWatch::watch(SessionId session, int socket, std::int64_t pid) {
  forget(session);
  std::optional<Descriptor> pidfd = open_peer(socket, pid);
  if (!pidfd) {
    asio::post(io_, [this, session] {
      // Another process may have resumed the session meanwhile.
      if (!watched_.contains(session)) died_(session);
    });
    return;
  }
  if (!pidfd->is_open()) return;  // no descriptors left: the ttl applies
  const ProcessPointer process = process_of(std::move(*pidfd), pid);
  if (!process->pidfd.is_open()) return;  // the ttl applies
  process->sessions.insert(session);
  watched_[session] = process;
}

/// Returns the process of the pidfd. Two pidfds with one process id are of one process if both
/// live: the kernel gives an id away again only after the end of its process.
DeathWatch::ProcessPointer DeathWatch::process_of(Descriptor pidfd, std::int64_t pid) {
  const bool lives = !has_ended(pidfd.get());  // first: the known one is older
  if (const auto found = by_pid_.find(pid); lives && found != by_pid_.end()) {
    ProcessPointer known = found->second.lock();
    if (known != nullptr && !has_ended(known->pidfd.native_handle())) return known;
  }
  const auto made = std::make_shared<Process>(*this, std::move(pidfd), pid);
  if (!made->pidfd.is_open()) return made;
  if (lives) by_pid_[pid] = made;
  report_end(made);
  return made;
}

/// Waits for the end of the process, and reports it to the sessions that it still has then.
void DeathWatch::report_end(const ProcessPointer& process) {
  process->pidfd.async_wait(PolledDescriptor::wait_read,
                            [this, watched = std::weak_ptr{process}](const std::error_code& error) {
                              const ProcessPointer dead = watched.lock();
                              if (error || dead == nullptr) return;  // *this may be gone
                              ended(dead);
                            });
}

void DeathWatch::ended(const ProcessPointer& process) {
  forget_pid(*process);
  while (!process->sessions.empty()) {
    const SessionId session = *process->sessions.begin();
    forget(session);
    died_(session);
  }
}

void DeathWatch::forget(SessionId session) {
  const auto found = watched_.find(session);
  if (found == watched_.end()) return;
  const ProcessPointer process = std::move(found->second);
  watched_.erase(found);
  process->sessions.erase(session);
  if (process->sessions.empty()) forget_pid(*process);
}

void DeathWatch::forget_pid(const Process& process) {
  const auto found = by_pid_.find(process.pid);
  if (found != by_pid_.end() && found->second.lock().get() == &process) by_pid_.erase(found);
}

void DeathWatch::forget_all() {
  by_pid_.clear();
  watched_.clear();
}

}  // namespace agora
