#include "server/net/connection.hpp"

#include <cerrno>
#include <cstring>
#include <span>
#include <sys/socket.h>
#include <utility>

#include <asio/post.hpp>

namespace agora {
namespace {

/// One part, the usual case, goes by the cheaper call.
ssize_t send_parts(int fd, std::span<iovec> parts) {
  if (parts.size() == 1) return ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

/// The same, and with the first byte the descriptors.
ssize_t send_with(int fd, std::span<iovec> parts, std::span<const int> descriptors) {
  std::vector<char> control(CMSG_SPACE(descriptors.size_bytes()));
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

Connection::Connection(Hub& hub, Socket socket, Peer peer)
    : hub_(hub),
      socket_(std::move(socket)),
      proven_pid_(peer.pid_proven ? peer.pid : 0),
      dialogue_(hub.hall(), std::move(peer)) {
  socket_.native_non_blocking(true);
}

void Connection::wait_readable() {
  if (reading_ || input_ended_ || !socket_.is_open()) return;
  reading_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](const asio::error_code& error) {
    self->reading_ = false;
    if (!error) self->on_readable();
  });
}

void Connection::on_readable() {
  read_some();
  hub_.touch(*this);
  hub_.turn_soon(*this);
}

void Connection::drain() {
  if (!socket_.is_open() || dialogue_.closing()) return;
  dialogue_.only_harmless();
  run_rest();
  hub_.touch(*this);
}

/// Takes all that the peer, who hears nothing any more, had sent; what was read before first.
void Connection::run_rest() {
  do {
    while (dialogue_.has_backlog()) {
      dialogue_.proceed();
      dialogue_.output() = {};  // nobody is there to read it
    }
  } while (read_some() || dialogue_.has_backlog());
}

/// True if there was something and there may be more.
bool Connection::read_some() {
  if (input_ended_) return false;
  auto& buffer = hub_.read_buffer();
  const ssize_t got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    dialogue_.receive({buffer.data(), static_cast<std::size_t>(got)});
  } else if (got == 0) {
    input_ended_ = true;
    dialogue_.end_of_input();
  } else if (errno != EAGAIN && errno != EINTR) {
    input_ended_ = true;
    dialogue_.abandon();
  }
  return got > 0;
}

void Connection::go_on() {
  if (!socket_.is_open()) return;
  dialogue_.proceed();
  hub_.touch(*this);
  hub_.turn();
}

void Connection::flush() {
  if (!socket_.is_open()) return;
  if (!writing_ && !send_some()) {
    dialogue_.output() = {};
    run_rest();
    dialogue_.abandon();
    dialogue_.output() = {};
    if (!dialogue_.ended()) hub_.touch(*this);
  }
  after_turn();
}

void Connection::after_turn() {
  if (dialogue_.closing()) {
    if (dialogue_.ended() && dialogue_.output().empty()) close();
    return;
  }
  if (dialogue_.has_backlog()) {
    // The others first: this one has had its share of the turn.
    asio::post(hub_.io(), [self = shared_from_this()] { self->go_on(); });
  } else if (!dialogue_.full()) {
    wait_readable();
  }
}

bool Connection::send_some() {
  Output& output = dialogue_.output();
  while (!output.empty()) {
    std::array<iovec, 16> parts;
    const std::size_t count = output.gather(parts);
    const std::span<iovec> next{parts.data(), count};
    const ssize_t sent = descriptors_.empty()
                             ? send_parts(socket_.native_handle(), next)
                             : send_with(socket_.native_handle(), next, descriptors_);
    if (sent >= 0) {
      descriptors_.clear();
      output.consume(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      wait_writable();
      return true;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void Connection::wait_writable() {
  writing_ = true;
  socket_.async_wait(Socket::wait_write,
                     [self = shared_from_this()](const asio::error_code& error) {
                       self->writing_ = false;
                       if (error) return;
                       self->flush();
                       self->hub_.turn();
                     });
}

void Connection::close() {
  asio::error_code ignored;
  socket_.close(ignored);
  hub_.remove(link());
}

}  // namespace agora
