// What the server asks of the host at its start: time, randomness, memory, descriptors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/engine/ports.hpp"
#include "shared/base/keyed_hash.hpp"

namespace agora {

/// The wall clock read once, then carried on by the monotonic one: never goes back.
class SystemClock : public Clock {
 public:
  SystemClock();
  Instant now() override;

 private:
  Duration offset_;
};

/// @throws std::runtime_error  the kernel gives no random bytes.
HashKey random_hash_key();
/// 16 hexadecimal digits.
std::string random_incarnation();

/// The floor of the fencing tokens of a memory-only server: (seconds since 2026-01-01) x 2^24.
std::uint64_t token_floor_at(Instant now);

/// Half of the memory that this process may use: of its cgroup or of the machine, bytes.
std::size_t half_of_memory();

/// True if the descriptor is a pidfd: what the kernel makes readable when a process ends.
bool is_pidfd(int fd);

/// Raises the soft descriptor limit to the hard one; gives the limit in force.
std::size_t raise_descriptor_limit();

}  // namespace agora
