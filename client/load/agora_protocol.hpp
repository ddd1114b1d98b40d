// SPDX-License-Identifier: MIT

// The load generator's encoding of agora's MessagePack-RPC.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/load/traffic.hpp"

namespace agora::load {

/// Returns a call as bytes: [0, 1, method, params]. Ids may repeat on a plain connection, so all
/// are 1.
std::string agora_call(std::string_view method, const std::vector<std::string>& params);

/// Sends a request and returns the whole reply, [1, 1, error, result]. The reply may have any size
/// up to 4 KiB.
/// @throws std::runtime_error  the reply is an error (its message is the exception's), the
///                             connection ended, or the reply has more than 4 KiB.
std::string agora_reply(int fd, const std::string& request);

/// Works on objects of its own: one dict for all keys; a queue and a lock for each connection.
class AgoraProtocol final : public Protocol {
 public:
  /// @param prefix  the prefix of the objects' names; no other program may use such names
  /// @param ephemeral  the objects end with the connection that made them
  explicit AgoraProtocol(std::string prefix = "bench", bool ephemeral = false)
      : prefix_(std::move(prefix)), ephemeral_(ephemeral) {}

  void prepare(int fd, const Shape& shape) override;
  std::vector<Request> piece(const Shape& shape, std::size_t connection,
                             std::uint64_t key) const override;
  /// Deletes the objects that prepare() made.
  void clear(int fd);

 private:
  std::string name(std::string_view object) const { return prefix_ + "-" + std::string(object); }
  std::string own_name(std::string_view object, std::size_t connection) const;
  void create(int fd, std::string_view type, const std::string& name);
  void store_all(int fd, const Shape& shape);
  Request stored(const Shape& shape, std::uint64_t key) const;

  std::string prefix_;
  bool ephemeral_;
  std::size_t grant_bytes_ = 0;  ///< size of a reply to lock.acquire, measured on the first
  std::vector<std::string> created_;
};

}  // namespace agora::load
