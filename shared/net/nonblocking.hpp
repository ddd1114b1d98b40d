// SPDX-License-Identifier: MIT

// Non-blocking send and receive on a socket.
#pragma once

#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace agora {

/// Receives the bytes that have arrived. @return as ::recv with MSG_DONTWAIT
inline ssize_t receive_nonblocking(int fd, std::span<char> space) {
  return ::recv(fd, space.data(), space.size(), MSG_DONTWAIT);
}

/// Sends several parts by one system call (gather). A single part, the usual case, takes ::send,
/// which is cheaper. A closed peer gives an error, not a signal.
/// @return as ::send with MSG_DONTWAIT
inline ssize_t send_nonblocking(int fd, std::span<const iovec> parts) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, kFlags);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, kFlags);
}

}  // namespace agora
