// SPDX-License-Identifier: MIT

// MessagePack-RPC, the server's side: decodes calls, encodes replies (github.com/msgpack-rpc).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/limits.hpp"
#include "shared/value/packed.hpp"
#include "shared/wire/message.hpp"

namespace agora {

/// The extension that carries call options as an extra last parameter: a map.
inline constexpr std::int8_t kCallOptionsExtension = 3;

/// Decodes one frame (see MsgpackFramer): `[0, msgid, method, params]` or `[2, method, params]`.
///
/// Appends the msgid, the parameters and the call options in normal form to `out`. `method` points
/// into `frame`; the other views point into `out` and are valid until its next change. Allocates
/// only if `out` grows, and for a refusal.
/// @par Refusals
/// invalid_request with `close` for a wrong shape (the id is the msgid, or 0 if there is none);
/// invalid_request without `close` for a method that is not UTF-8; value_error, type_error or
/// too_large for an invalid value inside `params`, after which the connection stays open.
Message decode_msgpack_call(std::string_view frame, const Limits& limits, std::string& out);

/// Returns the msgid of a message that may be incomplete, for the reply to a frame that the framer
/// refused; 0 if the msgid is not among `bytes`.
std::uint32_t msgid_of(std::string_view bytes);

/// Appends `[1, id, nil, result]`.
void encode_msgpack_reply(PackedView id, PackedView result, std::string& out);
/// Appends the part of a reply before the result, which the caller sends behind it.
void encode_msgpack_reply_head(std::uint32_t id, std::string& out);
/// Appends `[1, id, [code, type, message, data], nil]`.
void encode_msgpack_error(PackedView id, const Error& error, std::string& out);
/// Appends `[2, "notice", [params]]`; `params` is a map.
void encode_msgpack_notice(PackedView params, std::string& out);

}  // namespace agora
