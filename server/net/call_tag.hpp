// SPDX-License-Identifier: MIT

// The tag of a call: the form of its reply in the upper three bits, the call's number below them.
// The core stores the tag with the call and returns it with the reply.
#pragma once

#include <cstdint>

namespace agora {

/// The form in which a call is answered.
enum class ReplyForm : std::uint8_t {
  msgpack,      ///< the number is the msgid
  json,         ///< the number is a key of JsonProtocol's table of open calls
  simple_json,  ///< JSON taken by the fast path: the number is the id
  typed,        ///< the number counts the typed lines of the connection
  none,         ///< a notification: no reply is sent
};

inline constexpr int kCallNumberBits = 61;
inline constexpr std::uint64_t kCallNumberMask = (std::uint64_t{1} << kCallNumberBits) - 1;

constexpr std::uint64_t call_tag(ReplyForm form, std::uint64_t number = 0) {
  return std::uint64_t{static_cast<std::uint8_t>(form)} << kCallNumberBits | number;
}
constexpr ReplyForm form_of(std::uint64_t tag) {
  return static_cast<ReplyForm>(tag >> kCallNumberBits);
}
constexpr std::uint64_t number_of(std::uint64_t tag) { return tag & kCallNumberMask; }

}  // namespace agora
