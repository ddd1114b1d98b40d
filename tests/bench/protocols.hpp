// SPDX-License-Identifier: MIT

// Protocols of the load generator: those of agora's peers, and agora's JSON-RPC.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/load/traffic.hpp"

namespace agora::bench {

/// Redis: GET, SET, INCR; LPUSH and RPOP of a list, SET NX and DEL of a key for each connection.
class RespProtocol final : public load::Protocol {
 public:
  void prepare(int fd, const load::Shape& shape) override;
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// memcached: get, set and incr of the text protocol; it has neither queues nor locks.
class MemcachedProtocol final : public load::Protocol {
 public:
  void prepare(int fd, const load::Shape& shape) override;
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// agora: get and set as JSON-RPC lines.
class JsonProtocol final : public load::Protocol {
 public:
  void prepare(int fd, const load::Shape& shape) override;
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// The bare echo: requests and replies of the same sizes as agora's; see echo.hpp.
class EchoProtocol final : public load::Protocol {
 public:
  std::string greeting(const load::Shape& shape) const override;
  void prepare(int, const load::Shape&) override {}
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// Encodes a Redis command.
std::string resp(const std::vector<std::string>& arguments);

}  // namespace agora::bench
