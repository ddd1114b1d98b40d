// How the generator speaks to agora's peers, and to agora in JSON.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/load/traffic.hpp"

namespace agora::bench {

/// GET, SET, INCR; LPUSH and RPOP of a list, SET NX and DEL of a key for each connection.
class RespDialect final : public load::Dialect {
 public:
  void prepare(int fd, const load::Shape& shape) override;
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// get, set and incr of the text protocol; there are neither queues nor locks.
class MemcachedDialect final : public load::Dialect {
 public:
  void prepare(int fd, const load::Shape& shape) override;
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// Get and set as JSON-RPC lines.
class JsonDialect final : public load::Dialect {
 public:
  void prepare(int fd, const load::Shape& shape) override;
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// The floor: requests and replies of the sizes that agora's have; see echo.hpp.
class EchoDialect final : public load::Dialect {
 public:
  std::string greeting(const load::Shape& shape) const override;
  void prepare(int, const load::Shape&) override {}
  std::vector<load::Request> piece(const load::Shape& shape, std::size_t connection,
                                   std::uint64_t key) const override;
};

/// A Redis command.
std::string resp(const std::vector<std::string>& words);

}  // namespace agora::bench
