// SPDX-License-Identifier: MIT

// A shared dict is filled and cleared again and again while a thread reads it from shared memory:
// both processes give the memory back, and every read gives a whole value or none.
#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>

#include <agora/agora.hpp>

#include "tests/user/own_server.hpp"
#include "tests/user/shared_world.hpp"

namespace {

constexpr int kKeys = 64;
constexpr std::size_t kValueBytes = std::size_t{1} << 20;

/// Returns the bytes of the server's extents that a process has mapped.
std::size_t mapped_extents(pid_t pid) {
  std::ifstream maps{"/proc/" + std::to_string(pid) + "/maps"};
  std::size_t sum = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:agora ") == std::string::npos) continue;
    std::size_t end = 0;
    const std::size_t from = std::stoull(line, &end, 16);
    sum += std::stoull(line.substr(end + 1), nullptr, 16) - from;
  }
  return sum;
}

std::string value_of(int key, int round) {
  return std::string(kValueBytes, static_cast<char>('a' + (key + round) % 26));
}

/// Reads until `stop`: each value must be whole, of whichever round.
void read_on(const agora::dict<int, std::string>& d, const std::atomic<bool>& stop) {
  for (int key = 0; !stop; key = (key + 1) % kKeys) {
    const auto value = d.find(key);
    if (!value) continue;
    USER_CHECK(value->size() == kValueBytes);
    USER_CHECK(value->find_first_not_of(value->front()) == value->npos);
  }
}

void fill_and_clear(const agora::manager& m, pid_t server) {
  const auto d = m.dict<int, std::string>("d");
  d.insert_or_assign(0, "");  // the dict is located and the first extents are mapped
  USER_CHECK(d.find(0) == "");
  d.clear();
  std::atomic<bool> stop = false;
  for (int round = 0; round < 3; ++round) {
    for (int key = 0; key < kKeys; ++key) d.insert_or_assign(key, value_of(key, round));
    std::thread reader{[&] { read_on(d, stop); }};
    for (int key = 0; key < kKeys; ++key) USER_CHECK(d.find(key) == value_of(key, round));
    const std::size_t full = mapped_extents(server);
    USER_CHECK(full >= kKeys * kValueBytes);
    USER_CHECK(mapped_extents(getpid()) >= kKeys * kValueBytes);
    d.clear();
    while (mapped_extents(server) > full / 10) std::this_thread::yield();
    while (mapped_extents(getpid()) > full / 10) std::this_thread::yield();
    stop = true;
    reader.join();
    stop = false;
  }
}

}  // namespace

int main() {
  return user::run([] {
    const user::OwnServer server{{"--memory-max", "200mb"}};
    agora::manager_options options;
    options.ttl = std::chrono::seconds{2};
    const agora::manager m{server.unix_address(), options};
    fill_and_clear(m, server.pid());
  });
}
