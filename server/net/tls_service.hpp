// SPDX-License-Identifier: MIT

// TlsService: the TLS handshakes of a server. A connection whose first byte begins TLS hands its
// socket over; at the end of the handshake a new connection takes the socket.
//
// A handshake costs as much time as a thousand calls. So steps whose bytes have arrived form a
// queue (FIFO), of which the loop computes one at a time: between two of them it runs all handlers
// that are ready, and the other clients wait for one step at most. A handshake that waits for its
// peer stands in no queue.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "server/net/io_objects.hpp"
#include "server/net/listener.hpp"
#include "server/tls/tls_context.hpp"

namespace agora {

class Hub;

/// The first byte of TLS: the type of a handshake record.
inline constexpr char kTlsBegins = 0x16;
/// How long a handshake may take.
inline constexpr std::chrono::seconds kHandshakeMax{10};

class TlsService {
 public:
  TlsService(Hub& hub, TlsContext context);
  ~TlsService();
  TlsService(const TlsService&) = delete;
  TlsService& operator=(const TlsService&) = delete;

  /// Starts a handshake. A client that sends anything else gets one line that names TLS.
  void begin(StreamSocket socket, Peer peer);
  /// Reads the certificates again. A failure is logged; then the old ones stay.
  void reload();
  /// Ends all handshakes.
  void close_all();
  /// Returns the number of handshakes under way.
  std::size_t size() const { return handshakes_.size(); }
  /// Returns the space for one read of encrypted bytes, which all connections share.
  std::span<char> room();

 private:
  class Handshake;

  void compute_soon(std::shared_ptr<Handshake> handshake);
  void post();

  Hub& hub_;
  TlsContext context_;
  std::vector<char> room_;
  std::unordered_set<std::shared_ptr<Handshake>> handshakes_;
  std::deque<std::shared_ptr<Handshake>> ready_;  // a step can be computed
  bool posted_ = false;
};

}  // namespace agora
