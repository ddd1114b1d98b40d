// SPDX-License-Identifier: MIT

// MessagePack-RPC, the client's side: encodes calls, decodes replies and notices.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// Appends the start of `[0, id, method, [...]]`. The caller appends exactly `params` values behind
/// it (call options count as one, see append_call_options()).
void begin_msgpack_request(std::uint32_t id, std::string_view method, std::uint32_t params,
                           std::string& out);

/// Appends the start of `[2, method, [...]]` in the same way.
void begin_msgpack_notification(std::string_view method, std::uint32_t params, std::string& out);

/// Appends the call options `options`, a map, as the extra last parameter.
void append_call_options(PackedView options, std::string& out);

/// A message from the server.
struct ServerMessage {
  enum class Kind : std::uint8_t { reply, notice };
  Kind kind = Kind::reply;
  std::uint32_t id = 0;          ///< of the call to which a reply belongs
  PackedView result;             ///< of a reply without error
  std::unique_ptr<Error> error;  ///< of a reply with one
  PackedView notice;             ///< the map of a notice

  bool ok() const { return error == nullptr; }
};

/// Decodes one frame (see MsgpackFramer): `[1, id, error, result]` or `[2, "notice", [map]]`. The
/// views point into `frame`. Values are not validated: a server writes normal form. An error other
/// than `[code, type, message, data]` (from a foreign server) becomes a runtime_error with its JSON
/// as message and done unknown; an unknown code becomes an internal_error.
/// @error invalid_request  any other shape: the caller must close the connection.
Expected<ServerMessage> decode_server_message(std::string_view frame);

}  // namespace agora
