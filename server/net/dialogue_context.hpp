// DialogueContext: the engine and the scratch buffers that all dialogues of a server share.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "server/engine/engine.hpp"
#include "shared/base/raw_bytes.hpp"
#include "shared/wire/json_fast_path.hpp"
#include "shared/wire/json_rpc.hpp"
#include "shared/wire/msgpack_fast_path.hpp"

namespace agora {

/// At most so much is read at once, bytes: the bytes are parsed before they leave a near cache.
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
  std::string scratch;        ///< values of one MessagePack message or one JSON line
  std::string typed_scratch;  ///< of one typed line; apart, since a turn may run typed lines
  SimpleCall simple_call;     ///< reused by the MessagePack fast path: its arrays stay uncleared
  JsonSimpleCall simple_json_call;  ///< the same for the JSON fast path
};

}  // namespace agora
