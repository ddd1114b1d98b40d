// SPDX-License-Identifier: MIT

// A program that embeds a server stops it at any moment under load. AGORA_STOP_ROUNDS sets how many
// servers are stopped; 10,000 under the address sanitizer take some minutes.

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <new>
#include <random>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <vector>

#include "server/app/server.hpp"
#include "server/engine/memory_journal.hpp"
#include "server/net/descriptor.hpp"
#include "shared/shm/ring.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

/// A client that never blocks, so that it may send to a server that ends meanwhile.
class Client {
 public:
  explicit Client(const Server& server, bool unix) {
    unix ? connect_unix(server.unix_address()) : connect_tcp(server.tcp_address());
  }
  ~Client() {
    if (ring_ != nullptr) ::munmap(ring_, shm::kRingTotal);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(const std::string& text) {
    if (ring_ == nullptr) {
      ::send(socket_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      return;
    }
    iovec part{const_cast<char*>(text.data()), text.size()};
    if (out_->room().value_or(0) == 0) return;
    static_cast<void>(out_->put({&part, 1}));
    if (out_->publish(0)) doorbell();
  }
  void receive() {
    std::array<char, 4096> space;
    static_cast<void>(::recv(socket_.get(), space.data(), space.size(), MSG_DONTWAIT));
  }
  /// Asks for a ring, waits for it, and sends over it from now on.
  void use_ring() {
    send("{\"id\":1,\"method\":\"session.ring\",\"params\":[]}\n");
    std::array<char, 4096> space;
    std::array<char, CMSG_SPACE(sizeof(int))> control;
    iovec part{space.data(), space.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    REQUIRE(::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC) > 0);
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    REQUIRE(header != nullptr);
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    const Descriptor memory{fd};
    void* const base =
        ::mmap(nullptr, shm::kRingTotal, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
    REQUIRE(base != MAP_FAILED);
    ring_ = static_cast<std::byte*>(base);
    out_ = std::make_unique<shm::RingWriter>(shm::to_server(ring_));
    doorbell();
  }

 private:
  void doorbell() {
    const char zero = 0;
    ::send(socket_.get(), &zero, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  void connect_tcp(const std::string& at) {
    socket_ = Descriptor{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int small = 4096;  // replies fill it, and block the server's output
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(std::stoi(at.substr(at.rfind(':') + 1))));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
  }
  void connect_unix(const std::string& at) {
    socket_ = Descriptor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    at.copy(where.sun_path, sizeof where.sun_path - 1);
    REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
  }

  Descriptor socket_;
  std::byte* ring_ = nullptr;
  std::unique_ptr<shm::RingWriter> out_;
};

std::string call(const std::string& method, const std::string& parameters) {
  return "{\"id\":1,\"method\":\"" + method + "\",\"params\":[" + parameters + "]}\n";
}

std::string times(std::size_t count, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += text;
  return all;
}

/// Returns one step of a client: large replies as references to stored values, work of some
/// milliseconds, waits, and half of a message.
std::string step(unsigned choice) {
  switch (choice % 8) {
    case 0:
      return times(40, call("dict.get", R"("d","k")"));
    case 1:
      return times(100, call("list.count", R"("l",7)"));
    case 2:
      return call("queue.get", R"("q")");
    case 3:
      return call("queue.put", R"("q",1)");
    case 4:
      return call("session.open", "3600");
    case 5:
      return "{\"id\":1,\"method\":\"dict.set\",\"params\":[\"d\",\"half\",\"";
    case 6:
      return call("object.watch", R"("d")") + call("dict.set", R"("d","w",1)");
    default:
      return times(200, "ping\n");
  }
}

/// One server's life. Its thread serves while this one sends, and stops it between two steps.
void stop_one(std::uint32_t round, const std::string& directory) {
  std::mt19937 twister{round};
  const auto random = [&] { return static_cast<std::uint32_t>(twister()); };
  ServerOptions options;
  options.tcp = "127.0.0.1:0";
  options.shared_memory = round % 2 == 0;
  options.unix_path = directory + "/s";
  auto server = std::make_unique<Server>(std::move(options));
  std::thread thread{[&] { server->run(); }};
  std::vector<std::unique_ptr<Client>> clients;
  for (const bool unix : {false, true, true}) {
    clients.push_back(std::make_unique<Client>(*server, unix));
  }
  clients[0]->send(call("object.create", R"("dict","d")") + call("object.create", R"("list","l")") +
                   call("object.create", R"("queue","q")") +
                   call("dict.set", "\"d\",\"k\",\"" + std::string(40'000, 'x') + "\"") +
                   times(10, call("list.extend", "\"l\",[" + times(99, "7,") + "7]")));
  if (round % 4 == 0) clients[2]->use_ring();
  const std::uint32_t steps = random() % 24;
  const std::uint32_t later = random() % 4;
  for (std::uint32_t i = 0; i < steps + later; ++i) {
    if (i == steps) server->stop();
    const auto& client = clients[random() % clients.size()];
    client->send(step(random()));
    if (random() % 2 == 0) client->receive();
    if (i < steps && random() % 16 == 0) clients[1] = std::make_unique<Client>(*server, false);
  }
  server->stop();
  if (random() % 2 == 0) clients.clear();
  thread.join();
  server.reset();
}

TEST_CASE("stop: a server ends at any moment under load", "[app]") {
  const char* const configured = std::getenv("AGORA_STOP_ROUNDS");
  const std::uint32_t rounds =
      configured == nullptr ? 100 : static_cast<std::uint32_t>(std::stoul(configured));
  std::string directory = std::filesystem::temp_directory_path() / "agora-stop-XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  for (std::uint32_t round = 0; round < rounds; ++round) {
    INFO("round " << round);
    stop_one(round, directory);
  }
  CHECK(std::filesystem::is_empty(directory));
  std::filesystem::remove_all(directory);
}

/// A journal for which the system has no memory any more.
class FullJournal : public MemoryJournal {
 public:
  void append(std::unique_ptr<Batch> batch) override {
    if (full) throw std::bad_alloc{};
    MemoryJournal::append(std::move(batch));
  }
  bool full = false;
};

TEST_CASE("stop: a server without memory ends all the same", "[app]") {
  FullJournal journal;
  ServerOptions options;
  options.tcp = "127.0.0.1:0";
  options.journal = &journal;
  Server server{std::move(options)};
  const Client client{server, false};
  server.poll();
  journal.full = true;
  server.stop();
  server.run();
}

}  // namespace
}  // namespace agora
