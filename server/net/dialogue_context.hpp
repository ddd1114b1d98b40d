// SPDX-License-Identifier: MIT

// DialogueContext: the engine and the scratch buffers that all dialogues of a server share.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "server/engine/engine.hpp"
#include "server/net/encoded_values.hpp"
#include "shared/base/raw_bytes.hpp"
#include "shared/wire/json_fast_path.hpp"
#include "shared/wire/json_rpc.hpp"
#include "shared/wire/msgpack_fast_path.hpp"

namespace agora {

/// The most bytes of one read: few enough that they are still in the CPU's cache when they are
/// parsed.
inline constexpr std::size_t kReadBytes = std::size_t{256} << 10;

struct DialogueContext {
  explicit DialogueContext(Engine& the_engine) : engine(the_engine), json(the_engine.limits()) {}

  /// Returns kReadBytes of space for one read.
  std::span<char> room() {
    if (read_buffer.capacity() == 0) read_buffer = engine.spare_buffers().take(kReadBytes);
    read_buffer.reserve(kReadBytes);
    return read_buffer.room().first(kReadBytes);
  }

  Engine& engine;
  JsonRpcDecoder json;
  RawBytes read_buffer;       ///< the bytes of one read; a batch may take its memory over
  EncodedValues encoded;      ///< large values that several outputs share
  std::string scratch;        ///< values of one MessagePack message or one JSON line
  std::string typed_scratch;  ///< values of one typed line; separate: a turn may run queued lines
  SimpleCall simple_call;  ///< for the MessagePack fast path; reused, so its arrays stay uncleared
  JsonSimpleCall simple_json_call;  ///< for the JSON fast path, likewise
};

}  // namespace agora
