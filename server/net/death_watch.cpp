// SPDX-License-Identifier: MIT

#include "server/net/death_watch.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <asio/post.hpp>

namespace agora {

void DeathWatch::watch(SessionId session, std::int64_t pid) {
  watched_.erase(session);
  Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0))};
  if (!pidfd.is_open()) {
    if (errno != ESRCH) return;  // no descriptors left or an old kernel: the ttl applies
    asio::post(io_, [this, session] {
      // Another process may have resumed the session meanwhile.
      if (!watched_.contains(session)) died_(session);
    });
    return;
  }
  const auto process = std::make_shared<PolledDescriptor>(io_);
  std::error_code error;
  process->assign(pidfd.get(), error);
  if (error) return;  // the kernel is out of memory: the ttl applies
  pidfd.release();
  watched_[session] = process;
  report_end(session, process);
}

/// Waits for the end of the process, and reports it if the session's process is still this one.
void DeathWatch::report_end(SessionId session, const Process& process) {
  process->async_wait(
      PolledDescriptor::wait_read,
      [this, session, watched = std::weak_ptr{process}](const std::error_code& error) {
        if (error || watched.expired()) return;  // *this may be gone
        watched_.erase(session);
        died_(session);
      });
}

}  // namespace agora
