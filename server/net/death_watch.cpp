#include "server/net/death_watch.hpp"

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include <asio/post.hpp>

namespace agora {

void DeathWatch::watch(SessionId session, std::int64_t pid) {
  watched_.erase(session);
  const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
  if (fd < 0) {
    if (errno != ESRCH) return;  // no descriptors left, or no such kernel: the ttl stays
    asio::post(io_, [this, session] { died_(session); });
    return;
  }
  auto& descriptor = watched_[session];
  descriptor = std::make_unique<asio::posix::stream_descriptor>(io_, fd);
  descriptor->async_wait(asio::posix::stream_descriptor::wait_read,
                         [this, session](const asio::error_code& error) {
                           if (!error) report(session);
                         });
}

void DeathWatch::report(SessionId session) {
  watched_.erase(session);
  died_(session);
}

}  // namespace agora
