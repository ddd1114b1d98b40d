// SPDX-License-Identifier: MIT

#include "client/src/transport/socket.hpp"

#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/src/transport/descriptors.hpp"
#include "client/src/transport/fork_guard.hpp"
#include "shared/net/nonblocking.hpp"

namespace agora::detail {
namespace {

// The longest time for which one receive blocks before it checks the deadline. Each check is a
// wake-up, so the time is long.
constexpr std::chrono::seconds kReceiveMax{5};

/// The kernel allows 253 in one message (SCM_MAX_FD).
constexpr std::size_t kDescriptorsMax = 250;

bool is_later(int problem) {
  return problem == EAGAIN || problem == EWOULDBLOCK || problem == EINTR;
}

}  // namespace

Socket::Socket(const std::function<int()>& make) : epoch_(process_epoch()) {
  register_socket(*this, [&] { fd_ = above_standard(make()); });
  const timeval timeout{kReceiveMax.count(), 0};
  setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
}

Socket::Socket(int family)
    : Socket([family] { return ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0); }) {}

Socket::~Socket() {
  unregister_socket(*this);
  close_inherited();
}

void Socket::close_inherited() {
  const int fd = fd_.exchange(-1);
  if (fd >= 0) ::close(fd);
}

Socket::Result Socket::send(std::span<const iovec> parts) {
  const ssize_t sent = send_nonblocking(fd_.load(), parts);
  if (sent >= 0) return {Io::some, static_cast<std::size_t>(sent)};
  return {is_later(errno) ? Io::later : Io::ended, 0};
}

std::size_t Socket::unsent_bytes() const {
  int bytes = 0;
  return ::ioctl(fd_.load(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

Socket::Result Socket::received(ssize_t bytes) {
  if (bytes > 0) return {Io::some, static_cast<std::size_t>(bytes)};
  if (bytes == 0) return {Io::ended, 0};
  return {is_later(errno) ? Io::later : Io::ended, 0};
}

Socket::Result Socket::receive(std::span<char> space, const Deadline& deadline) {
  const int fd = fd_.load();
  if (!deadline || *deadline - Clock::now() >= kReceiveMax) {
    return received(::recv(fd, space.data(), space.size(), 0));
  }
  pollfd wanted{fd, POLLIN, 0};
  const int ready = ::poll(&wanted, 1, milliseconds_left(deadline, 5000));
  if (ready <= 0) return {};
  return receive_nonblocking(space);
}

Socket::Result Socket::receive_nonblocking(std::span<char> space) {
  return received(agora::receive_nonblocking(fd_.load(), space));
}

Socket::Result Socket::receive_with(std::span<char> space, std::vector<int>& descriptors) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kDescriptorsMax)];
  iovec one{space.data(), space.size()};
  msghdr message{};
  message.msg_iov = &one;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t bytes = ::recvmsg(fd_.load(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  const Result result = received(bytes);
  if (bytes <= 0) return result;
  // The kernel dropped descriptors: this process is at its limit of open files.
  if ((message.msg_flags & MSG_CTRUNC) != 0) descriptors.push_back(-1);
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level != SOL_SOCKET || each->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const std::size_t before = descriptors.size();
    descriptors.resize(before + count);
    std::memcpy(descriptors.data() + before, CMSG_DATA(each), count * sizeof(int));
    for (std::size_t i = before; i < descriptors.size(); ++i) {
      descriptors[i] = above_standard(descriptors[i]);
    }
  }
  return result;
}

Socket::Ready Socket::wait_writable(bool or_readable, const Deadline& deadline) {
  const short events = or_readable ? POLLOUT | POLLIN : POLLOUT;
  pollfd wanted{fd_.load(), events, 0};
  if (::poll(&wanted, 1, milliseconds_left(deadline, 5000)) <= 0) return {};
  const bool over = (wanted.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
  return {(wanted.revents & POLLIN) != 0, over || (wanted.revents & POLLOUT) != 0};
}

bool Socket::alive() {
  pollfd wanted{fd_.load(), POLLRDHUP, 0};
  while (::poll(&wanted, 1, 0) < 0 && errno == EINTR) {
  }
  return (wanted.revents & (POLLRDHUP | POLLERR | POLLHUP | POLLNVAL)) == 0;
}

void Socket::shut_down() { ::shutdown(fd_.load(), SHUT_RDWR); }

}  // namespace agora::detail
