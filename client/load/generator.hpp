// SPDX-License-Identifier: MIT

// The load generator: one thread, one epoll, requests encoded beforehand. The same code drives
// every kind of server, so a difference between two results is never due to the generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "client/load/histogram.hpp"
#include "client/load/traffic.hpp"
#include "shared/tls/tls_stream.hpp"

namespace agora::load {

/// A connected socket and its traffic. All must outlive the drive.
struct Line {
  int fd = -1;
  const Traffic* traffic = nullptr;
  std::size_t first = 0;      ///< the first batch, a multiple of Traffic::stride
  std::size_t under_way = 1;  ///< batches sent ahead of their replies, at least 1
  TlsStream* tls = nullptr;   ///< the finished handshake on the socket; null: plain
};

/// The end of a drive: after `seconds`, but not before `calls_min` replies; or, if `calls` is not
/// 0, after that many replies. Each line then completes its current piece (see Traffic), and the
/// drive awaits all replies.
struct Until {
  double seconds = 1;
  std::uint64_t calls_min = 0;
  std::uint64_t calls = 0;
};

struct Driven {
  double seconds = 0;
  std::uint64_t calls = 0;              ///< calls whose reply came within the time
  std::vector<std::uint64_t> calls_of;  ///< the same for each line
  double rate() const { return seconds > 0 ? static_cast<double>(calls) / seconds : 0; }
};

/// Keeps every line busy.
/// @param latencies  gets the time of each batch from its sending to the last byte of its replies.
///                   If null, no latency is measured, and the clock is read once a wake-up.
/// @throws std::runtime_error  a connection ended, a reply is longer than expected, or no byte came
///                             for 30 s.
Driven drive(std::span<const Line> lines, const Until& until, Histogram* latencies = nullptr);

}  // namespace agora::load
