// SPDX-License-Identifier: MIT

#include "client/src/transport/tls_layer.hpp"

#include "client/src/transport/fork_guard.hpp"
#include "client/src/transport/tls_client.hpp"

namespace agora::detail {
namespace {

/// The most bytes that one send encrypts: more would wait here for space in the socket's buffer.
constexpr std::size_t kSealedMax = std::size_t{256} << 10;

}  // namespace

TlsLayer::~TlsLayer() {
  const ForkPause pause;  // OpenSSL's own locks: see connect_tls()
  stream_.reset();
}

/// Sends records as far as the kernel takes them. The caller holds the mutex.
/// @return false if the connection is over
bool TlsLayer::push() {
  std::size_t sent = 0;
  Socket::Io io = Socket::Io::some;
  while (sent < unsent_.size() && io == Socket::Io::some) {
    const iovec rest[] = {{unsent_.data() + sent, unsent_.size() - sent}};
    const Socket::Result result = socket_.send(rest);
    io = result.io;
    sent += result.bytes;
  }
  unsent_.erase(0, sent);
  unsent_left_.store(!unsent_.empty(), std::memory_order_relaxed);
  return io != Socket::Io::ended;
}

Socket::Result TlsLayer::send(std::span<const iovec> parts) {
  const std::lock_guard guard(mutex_);
  if (!push()) return {Socket::Io::ended, 0};
  if (!unsent_.empty()) return {Socket::Io::later, 0};
  std::size_t size = 0;
  for (const iovec& part : parts) size += part.iov_len;
  if (size == 0) return {Socket::Io::some, 0};
  const std::size_t sealed = stream_->seal(parts, kSealedMax, unsent_);
  if (sealed == 0 || !push()) return {Socket::Io::ended, 0};
  return {Socket::Io::some, sealed};
}

/// Decrypts the records that have been received, as far as the space goes.
Socket::Result TlsLayer::decrypt(std::span<char> space) {
  const std::lock_guard guard(mutex_);
  std::size_t filled = 0;
  TlsStream::Opened opened{TlsStream::State::done, 0};
  while (opened.state == TlsStream::State::done && filled < space.size()) {
    opened = stream_->open(records_, space.subspan(filled), unsent_);
    filled += opened.bytes;
  }
  may_hold_more_.store(opened.state != TlsStream::State::more, std::memory_order_relaxed);
  if (!unsent_.empty() && !push()) return {Socket::Io::ended, 0};
  if (filled > 0) return {Socket::Io::some, filled};
  if (opened.state == TlsStream::State::more) return {Socket::Io::later, 0};
  if (opened.state == TlsStream::State::failed) reason_ = tls_problem(stream_->problem());
  return {Socket::Io::ended, 0};
}

Socket::Result TlsLayer::receive(std::span<char> space, const Deadline& deadline) {
  for (;;) {
    if (has_input()) {
      const Socket::Result got = decrypt(space);
      if (got.io != Socket::Io::later) return got;
    }
    const Socket::Result raw = socket_.receive(raw_, deadline);
    if (raw.io != Socket::Io::some) return raw;
    records_ = {raw_.data(), raw.bytes};
    may_hold_more_.store(true, std::memory_order_relaxed);
  }
}

std::string TlsLayer::end_reason() {
  const std::lock_guard guard(mutex_);
  return reason_;
}

}  // namespace agora::detail
