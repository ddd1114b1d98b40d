#include "tests/conformance/ring_link.hpp"

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

/// Both rings of a connection, as their owner's peer has mapped them.
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

/// Rings only if the server sleeps, and looks into its own ring only after a bell: a bell that
/// either side forgets is an answer that never comes.
class RingLink : public Link {
 public:
  RingLink(Descriptor socket, const Descriptor& memory)
      : socket_(std::move(socket)),
        mapping_(memory),
        out_(shm::to_server(mapping_.bytes())),
        in_(shm::to_client(mapping_.bytes())) {}

  void send(const std::string& bytes) override {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    if (!out_.room() || out_.put({&part, 1}) < bytes.size()) {
      throw std::runtime_error("cannot send: no room in the ring");
    }
    if (out_.publish(shm::current_cpu())) ring_bell();
  }
  std::string receive() override {
    if (!hear_bells() && asleep_) return {};
    std::string bytes;
    do {
      bytes += taken();
    } while (!in_.wait_for_bytes());
    asleep_ = true;
    return bytes;
  }
  void shut() override { ::shutdown(socket_.get(), SHUT_WR); }

 private:
  std::string taken() {
    std::string bytes(shm::kRingBytes, '\0');
    const auto count = in_.take(bytes);
    if (!count) throw std::runtime_error("the server's ring makes no sense");
    bytes.resize(*count);
    if (*count > 0 && in_.release()) ring_bell();
    return bytes;
  }
  /// A server that has closed needs no bell any more.
  void ring_bell() { static_cast<void>(::send(socket_.get(), "", 1, MSG_NOSIGNAL)); }
  /// True if there were any, or the end.
  bool hear_bells() {
    std::array<char, 256> bells;
    const ssize_t heard = ::recv(socket_.get(), bells.data(), bells.size(), MSG_DONTWAIT);
    if (heard < 0) return errno != EAGAIN;
    if (std::any_of(bells.begin(), bells.begin() + heard, [](char bell) { return bell != 0; })) {
      throw std::runtime_error("bytes came beside the ring");
    }
    return true;
  }

  Descriptor socket_;
  RingMapping mapping_;
  shm::RingWriter out_;
  shm::RingReader in_;
  bool asleep_ = false;  // the server has been told to ring
};

/// What came, and the descriptor that came along, if one did.
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

std::unique_ptr<Link> ring_link(Descriptor socket, Speaker& speaker,
                                const std::function<void()>& work) {
  const std::string request = speaker.say(1, "session.ring");
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    throw std::runtime_error("cannot ask for a ring");
  }
  work();
  const auto [bytes, memory] = receive_with(socket.get());
  const auto heard = speaker.hear(bytes);
  if (heard.size() != 1 || heard[0].text != std::to_string(shm::kRingTotal) || !memory.is_open()) {
    throw std::runtime_error("no ring: the server said " + bytes);
  }
  return std::make_unique<RingLink>(std::move(socket), memory);
}

}  // namespace agora::test
