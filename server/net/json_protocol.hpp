// SPDX-License-Identifier: MIT

// JsonProtocol: JSON-RPC 2.0 on the lines of one connection, with batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "server/net/protocol.hpp"
#include "server/net/protocol_context.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class JsonProtocol {
 public:
  explicit JsonProtocol(ProtocolContext& context) : context_(context) {}

  /// Submits the calls of one line (without its end). @return how many messages it had
  std::size_t read_line(std::string_view line);
  /// Writes the reply of the call with that tag.
  void reply(std::uint64_t tag, const Reply& reply);
  void notice(PackedView params);
  /// Writes an error that belongs to no call: its id is null.
  void refuse(const Error& error);

 private:
  /// A call that has no reply yet.
  struct OpenCall {
    Packed id;
    std::uint64_t batch = 0;  ///< key of its batch; 0: it is in no batch
  };
  /// The calls of one line that are answered by one array.
  struct JsonBatch {
    std::size_t missing = 0;  ///< replies to come, plus one while the line is being read
    std::string replies;      ///< at most Limits::frame_bytes_max, but errors may exceed that
  };

  bool try_fast_path(std::string_view line);
  void name_calls_by_tag(Request& cancel, std::string& params) const;
  void run(Message& message, std::uint64_t batch);
  void reply_simple(std::uint64_t id, const Reply& reply);
  void reply_open(const OpenCall& call, const Reply& reply);
  void add_to_batch(const OpenCall& call, const Reply& reply);
  void refuse_open(const OpenCall& call, const Error& error) {
    reply_open(call, Reply{{}, &error, BlobRef{}});
  }
  void finish_one(std::uint64_t batch);

  ProtocolContext& context_;
  std::uint64_t last_key_ = 0;
  std::map<std::uint64_t, OpenCall> open_calls_;
  std::map<std::uint64_t, JsonBatch> batches_;
};

}  // namespace agora
