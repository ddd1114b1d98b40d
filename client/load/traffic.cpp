// SPDX-License-Identifier: MIT

#include "client/load/traffic.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <sys/socket.h>

namespace agora::load {
namespace {

/// The most batches of one connection. So many that the server does not serve the same few keys
/// from a warm cache, and so few that they stay in the generator's own cache.
constexpr std::size_t kBatchesMax = 256;
constexpr std::size_t kBytesMax = std::size_t{8} << 20;

std::uint64_t spread(std::uint64_t number) { return number * 0x9e3779b97f4a7c15U; }

}  // namespace

Traffic traffic_of(const Protocol& protocol, const Shape& shape, std::size_t connection) {
  Traffic traffic;
  std::uint64_t key = connection + 1;
  const auto next_piece = [&] {
    key = spread(key) + 1;
    return protocol.piece(shape, connection, (key >> 20) % shape.keys);
  };
  std::vector<Request> piece = next_piece();
  std::size_t piece_bytes = 0;
  for (const Request& request : piece) piece_bytes += request.bytes.size();
  const std::size_t batch_bytes = piece_bytes * shape.pipeline / piece.size() + 1;
  traffic.stride = piece.size() / std::gcd(piece.size(), shape.pipeline);
  traffic.calls = shape.pipeline;
  // Queues and locks have no keys: all rounds are the same.
  const bool has_keys = shape.work != Work::queue && shape.work != Work::lock;
  const std::size_t rounds =
      has_keys ? std::clamp(kBytesMax / batch_bytes, std::size_t{1}, kBatchesMax) / traffic.stride
               : 1;
  std::size_t place = 0;
  for (std::size_t i = 0; i < std::max<std::size_t>(rounds, 1) * traffic.stride; ++i) {
    RequestBatch& batch = traffic.batches.emplace_back();
    for (std::size_t call = 0; call < shape.pipeline; ++call) {
      if (place == piece.size()) piece = next_piece(), place = 0;
      batch.bytes += piece[place].bytes;
      batch.reply_bytes += piece[place++].reply_bytes;
    }
  }
  return traffic;
}

std::string key_text(std::uint64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(spread(number)));
  return text.data();
}

std::string value_text(std::size_t bytes) { return std::string(bytes, 'v'); }

std::string exchange(int fd, const std::string& bytes, std::size_t reply_bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) throw std::runtime_error("the server closed the connection");
    sent += static_cast<std::size_t>(n);
  }
  std::string reply(reply_bytes, '\0');
  for (std::size_t got = 0; got < reply.size();) {
    const ssize_t n = ::recv(fd, reply.data() + got, reply.size() - got, 0);
    if (n <= 0) throw std::runtime_error("the server closed the connection");
    got += static_cast<std::size_t>(n);
  }
  return reply;
}

}  // namespace agora::load
