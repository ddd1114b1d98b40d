// Sending and receiving what a socket takes or has at once.
#pragma once

#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace agora {

/// @return as ::recv with MSG_DONTWAIT
inline ssize_t receive_at_once(int fd, std::span<char> space) {
  return ::recv(fd, space.data(), space.size(), MSG_DONTWAIT);
}

/// One send of several parts. @return as ::send with MSG_DONTWAIT; a peer that has gone is an
/// error and no signal. One part, the usual case, goes by the cheaper call.
inline ssize_t send_at_once(int fd, std::span<const iovec> parts) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, kFlags);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, kFlags);
}

}  // namespace agora
