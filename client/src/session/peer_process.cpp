// SPDX-License-Identifier: MIT

#include "client/src/session/peer_process.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "client/src/transport/descriptors.hpp"

namespace agora::detail {
namespace {

#ifdef SO_PEERPIDFD
constexpr int kPeerPidfd = SO_PEERPIDFD;
#else
constexpr int kPeerPidfd = 77;  // Linux 6.5; older kernels refuse it
#endif

int open_peer(int fd) {
  int process = -1;
  socklen_t size = sizeof process;
  if (::getsockopt(fd, SOL_SOCKET, kPeerPidfd, &process, &size) == 0) return process;
  ucred peer{};
  size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return -1;
  return static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0));
}

}  // namespace

PeerProcess::PeerProcess(int socket) : process_(above_standard(open_peer(socket))) {}

PeerProcess::~PeerProcess() {
  if (process_ >= 0) ::close(process_);
}

PeerProcess::PeerProcess(PeerProcess&& other) noexcept
    : process_(std::exchange(other.process_, -1)) {}

PeerProcess& PeerProcess::operator=(PeerProcess&& other) noexcept {
  std::swap(process_, other.process_);
  return *this;
}

bool PeerProcess::exited() const {
  pollfd wanted{process_, POLLIN, 0};
  return process_ >= 0 && ::poll(&wanted, 1, 0) > 0;
}

}  // namespace agora::detail
