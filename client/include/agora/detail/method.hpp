// SPDX-License-Identifier: MIT

// Method: what the client has to know of one method of the server's catalogue. The descriptors of
// all methods are generated into methods.hpp. namespace agora::detail: no part of the API.
#pragma once

#include <cstdint>
#include <string_view>

namespace agora::detail {

/// Whether a call changes something. If the reply to a read is lost, the read has certainly had no
/// effect.
enum class CallEffect : std::uint8_t { reads, changes };

struct Method {
  std::string_view name;  ///< with its type: "queue.get"
  CallEffect effect = CallEffect::changes;
  /// True if a call may wait on the server. Its own timeout ends it, and the client's deadline
  /// counts only after that; without a timeout there is no deadline.
  bool waits = false;
  /// The items of a reply go back to their queue unless the client acknowledges that reply.
  bool redelivers = false;
};

/// Returns the descriptor of a method that is known by its name only, with the catalogue's flags.
/// A method that is not in the catalogue, such as one of a user's own type, changes something and
/// does not wait. Cost: a binary search. `name` must live as long as the result.
Method find_method(std::string_view name);

}  // namespace agora::detail
