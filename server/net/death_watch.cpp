// SPDX-License-Identifier: MIT

#include "server/net/death_watch.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace agora {

DeathWatch::Process::Process(DeathWatch& watch, SessionId session, Descriptor pidfd)
    : watch_(watch), session_(session), pidfd_(std::move(pidfd)) {
  watch_.loop_.add(pidfd_.get(), EPOLLIN, *this);
}

DeathWatch::Process::~Process() { watch_.loop_.remove(pidfd_.get(), *this); }

void DeathWatch::watch(SessionId session, std::int64_t pid) {
  watched_.erase(session);
  Descriptor pidfd{static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0))};
  if (!pidfd.is_open()) {
    if (errno != ESRCH) return;  // no descriptors left or an old kernel: the ttl applies
    loop_.post([this, session] { died_(session); });
    return;
  }
  try {
    watched_[session] = std::make_unique<Process>(*this, session, std::move(pidfd));
  } catch (const std::system_error&) {
    watched_.erase(session);  // the ttl applies
  }
}

void DeathWatch::report(SessionId session) {
  watched_.erase(session);
  died_(session);
}

}  // namespace agora
