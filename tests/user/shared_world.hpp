// SPDX-License-Identifier: MIT

// Support for the tests of shared memory: a ledger that all their processes share independently of
// the server, a seed that can be set, and observation of the server from outside.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <random>
#include <signal.h>
#include <string>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace user {

/// Sanitizers need memory and descriptors of their own, and time.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

/// Returns AGORA_SEED if it is set, else a new seed. Prints it, so that a run can be repeated.
inline std::uint32_t seed() {
  const char* given = std::getenv("AGORA_SEED");
  const auto seed = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                     : std::random_device()();
  std::fprintf(stderr, "seed %u (AGORA_SEED sets it)\n", seed);
  return seed;
}

/// Returns a T, all zero, that children forked from now on share. It outlives all of them.
template <typename T>
T& shared() {
  void* room = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  USER_CHECK(room != MAP_FAILED);
  return *new (room) T;
}

using Rows = std::vector<std::map<std::string, agora::any>>;

inline pid_t server_pid(const agora::manager& m) {
  auto info = m.call<std::map<std::string, agora::any>>("server.info");
  return static_cast<pid_t>(*info["pid"].get<int>());
}
inline std::size_t sessions(const agora::manager& m) {
  return m.call<Rows>("server.sessions").size();
}
inline std::size_t waits(const agora::manager& m) { return m.call<Rows>("server.waits").size(); }

/// Returns once the server lists that many sessions; the watchdog ends an endless wait.
inline void await_sessions(const agora::manager& m, std::size_t count) {
  while (sessions(m) != count) {
  }
}
inline void await_waits(const agora::manager& m, std::size_t count) {
  while (waits(m) != count) {
  }
}

/// Lets one process wait for another, once for each give(). It must be made before the fork.
class Baton {
 public:
  Baton() { USER_CHECK(::pipe(ends_) == 0); }
  ~Baton() { ::close(ends_[0]), ::close(ends_[1]); }
  Baton(const Baton&) = delete;
  Baton& operator=(const Baton&) = delete;
  void give() const { USER_CHECK(::write(ends_[1], "x", 1) == 1); }
  void await() const {
    char byte = 0;
    USER_CHECK(::read(ends_[0], &byte, 1) == 1);
  }

 private:
  int ends_[2];
};

/// Stops a child; returns once it has stopped.
inline void stop(agora::process& child) {
  USER_CHECK(kill(child.pid(), SIGSTOP) == 0);
  siginfo_t told;
  USER_CHECK(waitid(P_PID, static_cast<id_t>(child.pid()), &told, WSTOPPED) == 0);
}
inline void go_on(agora::process& child) { USER_CHECK(kill(child.pid(), SIGCONT) == 0); }

struct Descriptors {
  std::size_t memory = 0;  ///< number of memfds: the extents of its memory
  std::size_t others = 0;
  bool operator==(const Descriptors&) const = default;
};
inline Descriptors descriptors(pid_t pid) {
  Descriptors found;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code gone;
    const std::string target = std::filesystem::read_symlink(entry, gone).string();
    if (gone) continue;
    ++(target.starts_with("/memfd:") ? found.memory : found.others);
  }
  return found;
}

/// Returns the resident memory of a process, in KiB.
inline std::size_t resident_kib(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}

}  // namespace user
