// SPDX-License-Identifier: MIT

#include "server/app/host.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string_view>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

namespace agora {
namespace {

Duration monotonic() {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch());
}

void fill_random(void* place, std::size_t bytes) {
  if (::getrandom(place, bytes, 0) != static_cast<ssize_t>(bytes)) {
    throw std::runtime_error("the kernel gives no random bytes");
  }
}

std::size_t cgroup_limit(const char* file) {
  std::ifstream in{file};
  std::size_t bytes = 0;
  return in >> bytes ? bytes : SIZE_MAX;  // "max" is no number: no limit
}

}  // namespace

SystemClock::SystemClock()
    : offset_(std::chrono::duration_cast<Duration>(
                  std::chrono::system_clock::now().time_since_epoch()) -
              monotonic()) {}

Instant SystemClock::now() { return Instant{offset_ + monotonic()}; }

HashKey random_hash_key() {
  HashKey key;
  fill_random(&key, sizeof key);
  return key;
}

std::string random_incarnation() {
  std::uint64_t number = 0;
  fill_random(&number, sizeof number);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::uint64_t token_floor_at(Instant now) {
  constexpr std::int64_t kEpoch = 1'767'225'600;  // 2026-01-01 UTC, seconds since 1970
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count() - kEpoch;
  // A clock before that day gives small tokens, not huge ones.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(seconds, 0)) << 24;
}

std::size_t half_of_memory() {
  const auto pages = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES));
  std::size_t bytes = pages * static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE));
  for (const char* file :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    bytes = std::min(bytes, cgroup_limit(file));
  }
  return bytes / 2;
}

bool is_pidfd(int fd) {
  std::array<char, 64> target{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  const std::string_view name{target.data(),
                              static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  return name.find("pidfd") != std::string_view::npos;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace agora
