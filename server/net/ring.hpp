// SPDX-License-Identifier: MIT

// Ring: the server's side of the two rings in shared memory that carry a connection's bytes in
// place of its socket, for a client on this host. The socket stays open: it carries the doorbells,
// and its end ends the connection.
#pragma once

#include <memory>
#include <utility>

#include "shared/shm/adaptive_spin.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "shared/shm/ring.hpp"

namespace agora {

class Ring {
 public:
  /// Returns null if there is no memory or no descriptor left. Cost: some 20 us.
  /// @param count  counts the rings that exist; must outlive the ring
  static std::unique_ptr<Ring> make(std::size_t& count) {
    MemfdExtent memory = MemfdExtent::make(shm::kRingTotal, MemfdExtent::Access::write);
    if (memory.bytes().empty()) return nullptr;
    return std::unique_ptr<Ring>(new Ring(std::move(memory), count));
  }
  ~Ring() { --count_; }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Returns the memfd, of which the client maps kRingTotal bytes.
  int descriptor() const { return memory_.descriptor(); }

  shm::RingReader in;
  shm::RingWriter out;
  bool peer_awake = false;  ///< the client was awake when the server last wrote
  bool polled = false;      ///< the hub polls this ring before the loop sleeps

 private:
  Ring(MemfdExtent memory, std::size_t& count)
      : in(shm::to_server(memory.bytes().data())),
        out(shm::to_client(memory.bytes().data())),
        memory_(std::move(memory)),
        count_(count) {
    ++count_;
    // Both sides start as asleep, so the client sends a doorbell with its first request. The
    // doorbell tells the server that the client uses the ring.
    static_cast<void>(in.wait_for_bytes());
    static_cast<void>(out.publish(shm::current_cpu()));
  }

  MemfdExtent memory_;
  std::size_t& count_;
};

}  // namespace agora
