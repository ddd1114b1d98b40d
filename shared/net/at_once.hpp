// Sending and receiving what a socket takes or has at once.
//
// By the bare system call: the C library's own functions are points where a thread can be
// cancelled, which costs a program with threads two locked operations a call, and none of these
// ever waits.
#pragma once

#include <span>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace agora {

/// @return as ::recv with MSG_DONTWAIT
inline ssize_t receive_at_once(int fd, std::span<char> space) {
  return ::syscall(SYS_recvfrom, fd, space.data(), space.size(), MSG_DONTWAIT, nullptr, nullptr);
}

/// One send of several parts. @return as ::send with MSG_DONTWAIT; a peer that has gone is an
/// error and no signal. One part, the usual case, goes by the cheaper call.
inline ssize_t send_at_once(int fd, std::span<const iovec> parts) {
  constexpr int kFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
  if (parts.size() == 1) {
    const iovec part = parts.front();
    return ::syscall(SYS_sendto, fd, part.iov_base, part.iov_len, kFlags, nullptr, 0);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::syscall(SYS_sendmsg, fd, &message, kFlags);
}

}  // namespace agora
