// SPDX-License-Identifier: MIT

// The host's resources as the server reads them at its start: time, randomness, descriptors.
// The memory is in memory_limit.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/engine/ports.hpp"
#include "shared/base/keyed_hash.hpp"

namespace agora {

/// Reads the wall clock once and adds the monotonic clock's progress, so that it never goes back.
class SystemClock : public Clock {
 public:
  SystemClock();
  Instant now() override;
  /// Ignores steps of the wall clock below 10 ms.
  Duration wall_ahead() override;

 private:
  Duration offset_;
  Duration wall_ahead_{};
};

/// Returns a random key. @throws std::runtime_error  the kernel gives no random bytes.
HashKey random_hash_key();
/// Returns 16 random hexadecimal digits. @throws std::runtime_error  the kernel gives no random
/// bytes.
std::string random_incarnation();

/// Returns the floor of the fencing tokens of a memory-only server: (milliseconds since 2026-01-01)
/// x 2^14. Tokens therefore grow across restarts.
std::uint64_t token_floor_at(Instant now);

/// Waits until the clock shows a later millisecond than `start`. A server that serves only then
/// never shares its token floor with the next run, which starts later.
void wait_for_next_millisecond(Clock& clock, Instant start);

/// Returns true if the descriptor is a pidfd, which the kernel makes readable when the process
/// ends.
bool is_pidfd(int fd);

/// Raises the soft limit on descriptors to the hard one. @return the limit in force
std::size_t raise_descriptor_limit();

}  // namespace agora
