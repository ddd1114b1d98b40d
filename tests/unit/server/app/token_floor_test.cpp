// SPDX-License-Identifier: MIT

// The floor of fencing tokens, which two runs of a server never share.

#include <chrono>

#include "server/app/host.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// 2026-02-01 00:00:00 UTC
constexpr Instant kStart{std::chrono::seconds{1'769'904'000}};

/// Advances by 100 us with each reading.
class SteppingClock : public Clock {
 public:
  Instant now() override { return now_ += microseconds{100}; }

 private:
  Instant now_ = kStart;
};

TEST_CASE("token floor: it grows by 2^14 with each millisecond", "[app]") {
  constexpr std::uint64_t kStep = std::uint64_t{1} << 14;
  const std::uint64_t floor = token_floor_at(kStart);
  CHECK(floor == std::uint64_t{31} * 24 * 3600 * 1000 * kStep);
  CHECK(token_floor_at(kStart + microseconds{999}) == floor);
  CHECK(token_floor_at(kStart + milliseconds{1}) == floor + kStep);
  CHECK(token_floor_at(Instant{}) == 0);
}

TEST_CASE("token floor: a server that waits serves in a later millisecond", "[app]") {
  SteppingClock clock;
  wait_for_next_millisecond(clock, kStart + microseconds{300});
  CHECK(token_floor_at(clock.now()) > token_floor_at(kStart));
}

}  // namespace
}  // namespace agora
