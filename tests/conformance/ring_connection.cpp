// SPDX-License-Identifier: MIT

#include "tests/conformance/ring_connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/socket.h>
#include <utility>

#include "shared/shm/adaptive_spin.hpp"
#include "shared/shm/ring.hpp"

namespace agora::test {
namespace {

/// Maps both rings of a connection at the client's end.
class RingMapping {
 public:
  explicit RingMapping(const Descriptor& memory)
      : base_(
            ::mmap(nullptr, shm::kRingTotal, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0)) {
    if (base_ == MAP_FAILED) throw std::runtime_error("cannot map the ring");
  }
  ~RingMapping() { ::munmap(base_, shm::kRingTotal); }
  RingMapping(const RingMapping&) = delete;
  RingMapping& operator=(const RingMapping&) = delete;
  std::byte* bytes() const { return static_cast<std::byte*>(base_); }

 private:
  void* base_;
};

/// Rings the doorbell only if the server sleeps, and reads its own ring only after a doorbell. A
/// doorbell that either side forgets therefore shows as a reply that never comes.
class RingConnection : public ClientConnection {
 public:
  RingConnection(Descriptor socket, const Descriptor& memory)
      : socket_(std::move(socket)),
        mapping_(memory),
        out_(shm::to_server(mapping_.bytes())),
        in_(shm::to_client(mapping_.bytes())) {}

  void send(const std::string& bytes) override {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    if (!out_.room() || out_.put({&part, 1}) < bytes.size()) {
      throw std::runtime_error("cannot send: the ring is full");
    }
    if (out_.publish(shm::current_cpu())) notify();
  }
  std::string receive() override {
    if (!drain_doorbells() && asleep_) return {};
    std::string bytes;
    do {
      bytes += read_ring();
    } while (!in_.wait_for_bytes());
    asleep_ = true;
    return bytes;
  }
  void shut_down() override { ::shutdown(socket_.get(), SHUT_WR); }

 private:
  std::string read_ring() {
    std::string bytes(shm::kRingBytes, '\0');
    const auto count = in_.take(bytes);
    if (!count) throw std::runtime_error("the positions of the server's ring are corrupt");
    bytes.resize(*count);
    if (*count > 0 && in_.release()) notify();
    return bytes;
  }
  /// Ignores errors: a server that has closed its end needs no doorbell.
  void notify() { static_cast<void>(::send(socket_.get(), "", 1, MSG_NOSIGNAL)); }
  /// Reads all doorbells from the socket. @return true if there were any, or at end of file
  bool drain_doorbells() {
    std::array<char, 256> doorbells;
    const ssize_t received =
        ::recv(socket_.get(), doorbells.data(), doorbells.size(), MSG_DONTWAIT);
    if (received < 0) return errno != EAGAIN;
    if (std::any_of(doorbells.begin(), doorbells.begin() + received,
                    [](char byte) { return byte != 0; })) {
      throw std::runtime_error("the socket carried other bytes than doorbells");
    }
    return true;
  }

  Descriptor socket_;
  RingMapping mapping_;
  shm::RingWriter out_;
  shm::RingReader in_;
  bool asleep_ = false;  // the ring says that this reader waits for a doorbell
};

/// The bytes of one recvmsg, and the descriptor that was passed with them, if there was one.
struct Received {
  std::string bytes;
  Descriptor descriptor;
};
Received receive_with(int socket) {
  std::string bytes(4096, '\0');
  iovec space{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &space;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (got <= 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS)
    return {bytes, Descriptor{}};
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return {bytes, Descriptor{descriptor}};
}

}  // namespace

std::unique_ptr<ClientConnection> open_ring_connection(Descriptor socket, ClientCodec& codec,
                                                       const std::function<void()>& poll) {
  const std::string request = codec.encode(1, "session.ring");
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    throw std::runtime_error("cannot send session.ring");
  }
  poll();
  const auto [bytes, memory] = receive_with(socket.get());
  const auto decoded = codec.decode(bytes);
  if (decoded.size() != 1 || decoded[0].text != std::to_string(shm::kRingTotal) ||
      !memory.is_open()) {
    throw std::runtime_error("no ring: the server said " + bytes);
  }
  return std::make_unique<RingConnection>(std::move(socket), memory);
}

}  // namespace agora::test
