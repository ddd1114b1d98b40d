// All that the machine may ask for: replies, and the end of sessions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/values.hpp"
#include "shared/base/error.hpp"
#include "shared/base/ids.hpp"
#include "shared/value/packed.hpp"

namespace agora {

struct Effect {
  enum class Kind : std::uint8_t {
    reply,           ///< the result of a call
    failure,         ///< its error
    parked,          ///< it waits: the answer comes with a later command
    session_closed,  ///< the session has ended: drop its connection
    shutdown,        ///< the server is to stop
  };
  Kind kind = Kind::reply;
  SessionId session{};
  std::uint64_t tag = 0;
  std::size_t offset = 0;  ///< reply: in Effects::bytes, unless it is a blob
  std::size_t length = 0;
  BlobRef blob{};  ///< reply: a large stored value, shared instead of copied
  std::unique_ptr<Error> error{};
};

/// The effects of some commands in their order, with the bytes of the replies.
struct Effects {
  std::vector<Effect> list;
  std::string bytes;

  /// The result that a reply carries; valid until the next change of `bytes`.
  PackedView result(const Effect& effect) const {
    if (effect.blob.view().present()) return effect.blob.view();
    return PackedView{std::string_view{bytes}.substr(effect.offset, effect.length)};
  }
  void clear() {
    list.clear();
    bytes.clear();
  }
};

}  // namespace agora
