// Non-blocking receive and send, whatever the socket's own mode is.
#pragma once

#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace agora {

/// Receives the bytes that have arrived. @return as ::recv with MSG_DONTWAIT
inline ssize_t receive_at_once(int fd, std::span<char> space) {
  return ::recv(fd, space.data(), space.size(), MSG_DONTWAIT);
}

/// Sends several parts by one system call. A peer that has closed gives an error and no SIGPIPE.
/// One part, the usual case, goes by the cheaper call. @return as ::send with MSG_DONTWAIT
inline ssize_t send_at_once(int fd, std::span<const iovec> parts) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, kFlags);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, kFlags);
}

}  // namespace agora
