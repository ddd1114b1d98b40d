// SPDX-License-Identifier: MIT

// Message: a call as received from a connection, the same for all protocols.
#pragma once

#include <memory>
#include <string_view>

#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// A null value that lives as long as the program.
inline constexpr PackedView kNullValue{std::string_view{"\xc0", 1}};

/// One call. All views point into buffers of the decoder or into the input; each decoder documents
/// their lifetime.
struct Request {
  std::string_view method;  ///< UTF-8, `type.method` or a server-wide one
  PackedView params;        ///< a list (by position) or a map (by name); absent without parameters
  PackedView id;            ///< echoed in the reply, in normal form; absent in a notification
  PackedView options;       ///< a map of call options beside `params`; absent without options

  bool is_notification() const { return !id.present(); }
};

/// A call, or the error of a message that is not a valid one.
struct Message {
  Request request;
  /// If set, the call must not run. The reply is this error, with `request.id`, which is null if
  /// the id is unknown and absent if no reply is wanted.
  std::unique_ptr<Error> refusal;
  /// The framing is lost: send the reply, then close.
  bool close = false;
};

}  // namespace agora
