// The lean load generator: one thread, one epoll, requests made beforehand. The same code drives
// every kind of server, so that it is never the difference between two of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "client/load/histogram.hpp"
#include "client/load/traffic.hpp"

namespace agora::load {

/// A connected socket and what is sent on it. Both must outlive the drive.
struct Line {
  int fd = -1;
  const Traffic* traffic = nullptr;
  std::size_t first = 0;      ///< the batch to begin with, a multiple of the stride
  std::size_t under_way = 1;  ///< batches sent ahead of their replies, at least 1
};

/// When a drive ends: after so many seconds, but not before so many calls are answered; or, if
/// `calls` is not 0, when so many are. Lines then finish their piece and all replies are awaited.
struct Until {
  double seconds = 1;
  std::uint64_t calls_min = 0;
  std::uint64_t calls = 0;
};

struct Driven {
  double seconds = 0;
  std::uint64_t calls = 0;              ///< answered within the time
  std::vector<std::uint64_t> calls_of;  ///< the same for each line
  double rate() const { return seconds > 0 ? static_cast<double>(calls) / seconds : 0; }
};

/// Keeps every line busy.
/// @param latencies  takes for each batch the time from its sending to its last byte; null: none
/// is taken, and the clock is read once a wake-up.
/// @throws std::runtime_error  a connection ended, a reply is longer than it should be, or nothing
/// came for 30 s.
Driven drive(std::span<const Line> lines, const Until& until, Histogram* latencies = nullptr);

}  // namespace agora::load
