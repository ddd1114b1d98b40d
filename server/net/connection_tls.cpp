// SPDX-License-Identifier: MIT

// Connection over TLS: the first byte that decides, and records in both directions.

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <sys/socket.h>

#include "server/net/connection.hpp"
#include "server/net/tls_service.hpp"
#include "shared/net/nonblocking.hpp"

namespace agora {
namespace {

/// The most bytes that are encrypted ahead of the kernel's space for them.
constexpr std::size_t kSealedMax = std::size_t{64} << 10;
/// An idle connection keeps no larger buffer.
constexpr std::size_t kKeptBytes = 4096;

}  // namespace

bool Connection::read_specially() {
  if (on_ring_) return read_ring();
  if (tls_) return read_tls();
  if (undecided_ && hand_over()) return false;
  return read_plain();
}

bool Connection::send_specially() {
  if (on_ring_) return send_by_ring();
  return tls_ ? send_by_tls() : send_plain();
}

/// Looks at the first byte without taking it. If TLS begins, hands the socket over and leaves the
/// hub. @return whether it has done so
bool Connection::hand_over() {
  char first = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got <= 0) return false;  // the read that follows finds the same
  const std::unique_ptr<Peer> peer = std::move(undecided_);
  special_ = false;
  if (first == kTlsBegins) {
    dialogue_.abandon();
    hub_.remove(link());  // this object stays until the end of the turn
    hub_.tls()->begin(std::move(socket_), std::move(*peer));
    return true;
  }
  return false;
}

void Connection::take_early(std::string_view records) {
  take_records(records);  // also if there are none: the stream may hold some
  hub_.touch(*this);
}

bool Connection::read_tls() {
  if (input_ended_ || !readable_) return false;
  const std::span<char> into = hub_.tls()->room();
  const ssize_t got = receive_nonblocking(socket_.native_handle(), into);
  readable_ = got == static_cast<ssize_t>(into.size()) || (peer_closed_ && got > 0);
  if (got > 0) {
    read_bytes_ += static_cast<std::size_t>(got);
    take_records({into.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || errno != EAGAIN) {
    // An end without close_notify may be an attacker's: a line that is cut off is not run.
    input_ended_ = true;
    dialogue_.abandon();
  }
  return got > 0;
}

/// Decrypts all records and passes the bytes on, up to one read's worth at a time.
void Connection::take_records(std::string_view records) {
  TlsStream::Opened opened;
  do {
    const std::span<char> room = dialogue_.room();
    std::size_t filled = 0;
    do {
      opened = tls_->stream->open(records, room.subspan(filled), tls_->unsent);
      filled += opened.bytes;
    } while (opened.bytes > 0 && filled < room.size());
    if (filled > 0) dialogue_.received(filled);
    if (dialogue_.closing()) return;
  } while (opened.bytes > 0);
  if (opened.state == TlsStream::State::more) return;
  input_ended_ = true;
  if (opened.state == TlsStream::State::closed) {
    dialogue_.end_of_input();
  } else {
    dialogue_.abandon();
  }
}

/// Sends the records that are left. @return false if nothing can be sent any more
bool Connection::send_records() {
  std::string& unsent = tls_->unsent;
  std::size_t sent = 0;
  while (sent < unsent.size()) {
    const iovec rest[] = {{unsent.data() + sent, unsent.size() - sent}};
    const ssize_t count = send_nonblocking(socket_.native_handle(), rest);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      return false;
    }
  }
  unsent.erase(0, sent);
  if (unsent.empty() && unsent.capacity() > kKeptBytes) unsent = {};
  return true;
}

bool Connection::send_by_tls() {
  Output& output = dialogue_.output();
  std::size_t total = 0;
  for (;;) {
    if (!send_records()) return false;
    if (!tls_->unsent.empty()) {
      wait_for_space();
      note_sent(total);
      return true;
    }
    if (output.empty()) return true;
    std::array<iovec, 16> parts;
    const std::size_t count = output.gather(parts);
    const std::size_t sealed =
        tls_->stream->seal(std::span{parts}.first(count), kSealedMax, tls_->unsent);
    if (sealed == 0) return false;
    output.consume(sealed);
    total += sealed;
  }
}

}  // namespace agora
