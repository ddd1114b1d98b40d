// MessagePack-RPC, the server's side: calls in, answers out (github.com/msgpack-rpc).
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

/// Reads one frame (see MsgpackFramer): `[0, msgid, method, params]` or `[2, method, params]`.
///
/// Appends the msgid, the parameters and the call options in normal form to `out`. `method` points
/// into `frame`, the other views into `out`, until it changes next. Allocates only where `out`
/// grows, or for a refusal.
/// @par Refusals
/// invalid_request with `close` for a wrong shape (the id is the msgid, or 0 where there is none),
/// without `close` for a method that is not UTF-8; value_error, type_error or too_large for what is
/// wrong inside `params`: the connection stays.
Message decode_msgpack_call(std::string_view frame, const Limits& limits, std::string& out);

/// The msgid at the front of what may be an incomplete message: for the answer to a frame that the
/// framer refused. 0 if it cannot be seen.
std::uint32_t msgid_of(std::string_view bytes);

/// `[1, id, nil, result]`
void encode_msgpack_reply(PackedView id, PackedView result, std::string& out);
/// The same up to the result, which follows in `out` or beside it.
void encode_msgpack_reply_head(std::uint32_t id, std::string& out);
/// `[1, id, [code, type, message, data], nil]`
void encode_msgpack_error(PackedView id, const Error& error, std::string& out);
/// `[2, "notice", [params]]`; `params` is a map.
void encode_msgpack_notice(PackedView params, std::string& out);

}  // namespace agora
