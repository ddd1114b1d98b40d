// Ring: the server's side of the two rings through which a program on this host may speak instead
// of through its socket. The socket stays: it wakes whoever sleeps, and its end is the end.
#pragma once

#include <memory>
#include <utility>

#include "shared/shm/adaptive_spin.hpp"
#include "shared/shm/memfd_extents.hpp"
#include "shared/shm/ring.hpp"

namespace agora {

class Ring {
 public:
  /// Null: there is no memory, or no descriptor. Cost: some 20 us.
  /// @param count  of all rings that live; must outlive it
  static std::unique_ptr<Ring> make(std::size_t& count) {
    MemfdExtent memory = MemfdExtent::make(shm::kRingTotal, MemfdExtent::Access::write);
    if (memory.bytes().empty()) return nullptr;
    return std::unique_ptr<Ring>(new Ring(std::move(memory), count));
  }
  ~Ring() { --count_; }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Whoever gets it maps kRingTotal bytes.
  int descriptor() const { return memory_.descriptor(); }

  shm::RingReader in;
  shm::RingWriter out;
  bool peer_awake = false;  ///< it was, when it was last written to
  bool warm = false;        ///< the hub's mark: looked at before the loop sleeps

 private:
  Ring(MemfdExtent memory, std::size_t& count)
      : in(shm::to_server(memory.bytes().data())),
        out(shm::to_client(memory.bytes().data())),
        memory_(std::move(memory)),
        count_(count) {
    ++count_;
    // So that the first request rings, which says that the peer has taken the ring up.
    static_cast<void>(in.wait_for_bytes());
    static_cast<void>(out.publish(shm::current_cpu()));
  }

  MemfdExtent memory_;
  std::size_t& count_;
};

}  // namespace agora
