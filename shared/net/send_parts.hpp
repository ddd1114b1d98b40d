// One send of several parts, of what a socket takes at once.
#pragma once

#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

namespace agora {

/// @return as ::send. One part, the usual case, goes by the cheaper call; a peer that has gone is
/// an error and no signal.
inline ssize_t send_parts(int fd, std::span<const iovec> parts, int flags = 0) {
  if (parts.size() == 1) {
    return ::send(fd, parts[0].iov_base, parts[0].iov_len, flags | MSG_NOSIGNAL);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, flags | MSG_NOSIGNAL);
}

}  // namespace agora
