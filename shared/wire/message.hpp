// A call as it came from a connection, whatever it was written in.
#pragma once

#include <memory>
#include <string_view>

#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// A null value that lives as long as the program.
inline constexpr PackedView kNullValue{std::string_view{"\xc0", 1}};

/// One call. All views point into buffers of the decoder or the input; each decoder says how long
/// they live.
struct Request {
  std::string_view method;  ///< UTF-8, `type.method` or a server-wide one
  PackedView params;        ///< a list (by position) or a map (by name); absent: none
  PackedView id;            ///< what the answer repeats, in normal form; absent: no answer wanted
  PackedView options;       ///< a map of call options given beside `params`; absent: none

  bool is_notification() const { return !id.present(); }
};

/// A call, or why it cannot be one.
struct Message {
  Request request;
  /// Set: do not run it. Answer with this error to `request.id`, which is null where the id is
  /// unknown and absent where no answer is wanted.
  std::unique_ptr<Error> refusal;
  /// The stream makes no sense any more: send the answer, then close.
  bool close = false;
};

}  // namespace agora
