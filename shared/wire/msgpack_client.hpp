// MessagePack-RPC, the client's side: calls out, answers and notices in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/expected.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// Begins `[0, id, method, [...]]`: the caller appends exactly `params` values behind it (call
/// options count as one, see append_call_options).
void begin_msgpack_request(std::uint32_t id, std::string_view method, std::uint32_t params,
                           std::string& out);

/// Begins `[2, method, [...]]` in the same way.
void begin_msgpack_notification(std::string_view method, std::uint32_t params, std::string& out);

/// Appends the call options `options`, a map, as the extra last parameter.
void append_call_options(PackedView options, std::string& out);

/// What a server sends.
struct ServerMessage {
  enum class Kind : std::uint8_t { reply, notice };
  Kind kind = Kind::reply;
  std::uint32_t id = 0;          ///< of the call that a reply answers
  PackedView result;             ///< of a reply without error
  std::unique_ptr<Error> error;  ///< of a reply with one
  PackedView notice;             ///< the map of a notice

  bool ok() const { return error == nullptr; }
};

/// Reads one frame (see MsgpackFramer): `[1, id, error, result]` or `[2, "notice", [map]]`. The
/// views point into `frame`. Values are not checked again: a server writes normal form.
/// An error that is no `[code, type, message, data]` (another server's) becomes a runtime_error
/// with its JSON as message, done unknown; an unknown code an internal_error.
/// @error invalid_request  any other shape: close.
Expected<ServerMessage> decode_server_message(std::string_view frame);

}  // namespace agora
