// The lean load generator: the same code drives every peer, so that it is never the difference.
//
// Requests are made beforehand; replies have one fixed size, so that counting bytes counts them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace agora::bench {

/// How a peer is spoken to.
struct Protocol {
  std::string name;
  std::function<std::string(std::uint64_t key)> get;
  std::function<std::string(std::uint64_t key)> set;
  /// Requests that make the place for the keys; each has one reply.
  std::string prepare;
  std::size_t get_reply_bytes = 0;
  std::size_t set_reply_bytes = 0;
  std::size_t prepare_reply_bytes = 0;
};

/// 16 bytes, different for every number, spread over the whole range.
std::string key_text(std::uint64_t number);
/// A value of that many bytes.
std::string value_text(std::size_t bytes);

Protocol agora_protocol(std::size_t value_bytes);
Protocol redis_protocol(std::size_t value_bytes);

/// Writes keys 0 to count - 1 over one connection.
void fill(int fd, const Protocol& protocol, std::uint64_t count);

/// Keeps `pipeline` requests under way on every connection, for `seconds`.
/// @return answered requests a second.
double drive(const std::vector<int>& fds, const std::function<std::string(std::uint64_t)>& request,
             std::size_t reply_bytes, std::size_t pipeline, std::uint64_t keys, double seconds);

}  // namespace agora::bench
