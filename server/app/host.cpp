// SPDX-License-Identifier: MIT

#include "server/app/host.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
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

}  // namespace

SystemClock::SystemClock()
    : offset_(std::chrono::duration_cast<Duration>(
                  std::chrono::system_clock::now().time_since_epoch()) -
              monotonic()) {}

Instant SystemClock::now() { return Instant{offset_ + monotonic()}; }

Duration SystemClock::wall_ahead() {
  // The thread may lose the CPU between two readings, and readings differ by some nanoseconds. Only
  // a real step of the wall clock changes the times that clients see.
  constexpr Duration kReadingMax = std::chrono::milliseconds{1};
  constexpr Duration kStepMin = std::chrono::milliseconds{10};
  const Duration before = monotonic();
  const auto wall =
      std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch());
  if (monotonic() - before > kReadingMax) return wall_ahead_;
  const Duration ahead = wall - (offset_ + before);
  if (std::chrono::abs(ahead - wall_ahead_) > kStepMin) wall_ahead_ = ahead;
  return wall_ahead_;
}

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
  constexpr std::int64_t kEpoch = 1'767'225'600'000;  // 2026-01-01 UTC, milliseconds since 1970
  const std::int64_t milliseconds =
      std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count() - kEpoch;
  // A clock before that day gives small tokens, not huge ones.
  return static_cast<std::uint64_t>(std::max<std::int64_t>(milliseconds, 0)) << 14;
}

void wait_for_next_millisecond(Clock& clock, Instant start) {
  const Instant next =
      std::chrono::floor<std::chrono::milliseconds>(start) + std::chrono::milliseconds{1};
  for (Instant now = clock.now(); now < next; now = clock.now()) {
    std::this_thread::sleep_until(std::chrono::steady_clock::now() + (next - now));
  }
}

bool is_pidfd(int fd) {
  // Signal 0 sends nothing. /proc would tell the type of the descriptor too, where it is mounted.
  if (::syscall(SYS_pidfd_send_signal, fd, 0, nullptr, 0) == 0) return true;
  return errno == ESRCH || errno == EPERM;  // it has ended, or belongs to another user
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace agora
