// SPDX-License-Identifier: MIT

// `agora bench`: measures the throughput and the latency of a server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <agora/options.hpp>

namespace agora::detail {

struct BenchOptions {
  std::vector<std::string> tests{"get", "set", "incr", "queue", "lock"};
  std::size_t connections = 50;
  std::uint64_t requests = 100'000;  ///< of each test, over all connections
  std::size_t pipeline = 1;          ///< requests under way on each connection
  std::size_t value_bytes = 64;
  std::uint64_t keys = 10'000;
  bool json = false;  ///< one JSON object a line instead of text
};

/// The most bytes of values that all connections together may have under way.
inline constexpr std::size_t kBenchBytesMax = std::size_t{1} << 30;

/// Runs the tests one after another, each with fresh connections, and prints a line for each on
/// standard output. Its objects have unique names and end with the program, even if it is killed. A
/// latency is the time from sending a pipeline's requests to the last of their replies.
/// @param connecting  the options for TLS and for the login
/// @return 0
/// @throws agora::error        no server replies, or more than kBenchBytesMax would be under way
///                             (value_error).
/// @throws std::runtime_error  the server refused a request or ended a connection; the message has
///                             the cause.
int bench(const std::string& address, const manager_options& connecting,
          const BenchOptions& options);

}  // namespace agora::detail
