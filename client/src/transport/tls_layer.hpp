// SPDX-License-Identifier: MIT

// TlsLayer: TLS between a channel and its socket.
//
// OpenSSL allows one thread at a time in a connection, but one thread sends while another one
// receives. So a mutex guards the TlsStream, and no thread holds it while it waits for the socket.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

#include "client/src/transport/deadline.hpp"
#include "client/src/transport/socket.hpp"
#include "shared/tls/tls_stream.hpp"

namespace agora::detail {

class TlsLayer {
 public:
  /// @param stream  its handshake is finished
  TlsLayer(Socket& socket, std::unique_ptr<TlsStream> stream)
      : socket_(socket), stream_(std::move(stream)) {}
  ~TlsLayer();
  TlsLayer(const TlsLayer&) = delete;
  TlsLayer& operator=(const TlsLayer&) = delete;

  /// Encrypts bytes and sends them. Records that the kernel does not take stay here: see
  /// has_unsent(). Without parts, only sends those. Returns `later` if there are some. Never waits.
  Socket::Result send(std::span<const iovec> parts);
  /// As Socket::receive().
  Socket::Result receive(std::span<char> space, const Deadline& deadline);

  /// Gives up the stream; nothing else may be called then.
  std::unique_ptr<TlsStream> release() { return std::move(stream_); }
  /// Returns true if records wait for space in the socket's buffer. Any thread.
  bool has_unsent() const { return unsent_left_.load(std::memory_order_relaxed); }
  /// Returns true if received bytes may be left, so that polling the socket is not enough.
  bool has_input() const { return may_hold_more_.load(std::memory_order_relaxed); }
  /// Returns why the connection has ended, as far as TLS knows; may be empty. Any thread.
  std::string end_reason();

 private:
  Socket::Result decrypt(std::span<char> space);
  bool push();

  Socket& socket_;
  std::mutex mutex_;  // guards stream_, unsent_ and reason_
  std::unique_ptr<TlsStream> stream_;
  std::string unsent_;
  std::string reason_;
  std::atomic<bool> unsent_left_{false};
  std::atomic<bool> may_hold_more_{true};  // bytes may have come with the handshake's last ones
  // Only the receiving thread uses these.
  std::array<char, 32 * 1024> raw_;
  std::string_view records_;  // in raw_
};

}  // namespace agora::detail
