// SPDX-License-Identifier: MIT

// Protocol: one way to write calls and replies as bytes. A connection has one protocol, chosen by
// its first byte.
//
// The interface is a concept and not a base class: Dialogue holds the protocol in a variant, so no
// call costs a virtual one (docs/decisions/0015).
#pragma once

#include <concepts>
#include <string_view>

#include "server/core/state/effect.hpp"
#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// The reply of a call.
struct Reply {
  PackedView value;     ///< absent if there is an error
  const Error* error;   ///< null for a result
  const BlobRef& blob;  ///< the value, if it is a large stored one
};

/// The interface of a protocol. Dialogue calls `read` once for each read of the connection.
///
/// * `read(rest)`: takes messages from the front of `rest` while the context allows it, submits
///   their calls, and drops their bytes. What stays is an incomplete message or a backlog.
/// * `reply(effect, value)`: writes the reply of a call, or notes that the call is parked. `value`
///   is its result; absent in a failure.
/// * `notice(params)`: writes a notice.
/// * `in_json()`: tells whether notices are JSON; else they are MessagePack.
/// * `refuse(error)`: writes an error that belongs to no call.
/// * `allow(bytes_max)`: changes the largest size of a message.
/// * `end_of_input()`: closes the link once no queued input is left. Called when no more bytes will
///   come and `read` has taken all that came.
template <class P>
concept Protocol = requires(P protocol, std::string_view& rest, const Effect& effect,
                            PackedView params, const Error& error, std::size_t bytes_max) {
  { protocol.read(rest) } -> std::same_as<void>;
  { protocol.reply(effect, params) } -> std::same_as<void>;
  { P::in_json() } -> std::same_as<bool>;
  { protocol.notice(params) } -> std::same_as<void>;
  { protocol.refuse(error) } -> std::same_as<void>;
  { protocol.allow(bytes_max) } -> std::same_as<void>;
  { protocol.end_of_input() } -> std::same_as<void>;
};

}  // namespace agora
