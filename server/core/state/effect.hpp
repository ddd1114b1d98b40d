// SPDX-License-Identifier: MIT

// The outputs of the machine: replies, notices, and the end of connections.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/values.hpp"
#include "shared/base/assert.hpp"
#include "shared/base/error.hpp"
#include "shared/base/ids.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// The tag of notices that a session gets all at once because it has missed them: it was
/// disconnected, or it subscribed from an older version. They may exceed the output limit of the
/// connection; any other notice beyond the limit closes the connection (Dialogue::notice).
constexpr std::uint64_t kCatchingUp = 1;

/// The two buffers of Effects.
enum class Buffer : std::uint8_t {
  bytes,    ///< notices, and replies to waiters
  results,  ///< results that handlers write
};

struct Effect {
  enum class Kind : std::uint8_t {
    reply,             ///< the result of a call
    failure,           ///< the error of a call
    parked,            ///< the call waits: its reply comes with a later command
    postponed,         ///< a command of the link has not run: it is to come again in a later batch
    notice,            ///< a message that the server sends unasked: a map
    link_closed,       ///< close the connection; the server sends nothing more over it
    session_attached,  ///< `session` is opened, or resumed, over `link`
    session_moved,     ///< the same for a session that maps shared memory: it still ends with the
                       ///< process that maps it, even if another process speaks over `link`
    session_ended,     ///< an opened session has ended
    extents,           ///< the link's next reply carries the descriptors of shared extents
    ring,              ///< the client may send over a ring after its next reply
    shutdown,          ///< stop the server
  };
  Kind kind = Kind::reply;
  LinkId link{};
  std::uint64_t tag = 0;
  SessionId session{};  ///< session_attached, session_moved, session_ended, extents
  /// Reply, notice: the value's place in `buffer`, unless it is a blob. Extents: the first extent.
  /// Postponed: the index of the command in its batch.
  std::size_t offset = 0;
  std::size_t length = 0;         ///< the value's bytes; extents: their number
  Buffer buffer = Buffer::bytes;  ///< the buffer that holds the value
  BlobRef blob{};                 ///< reply: a large stored value, shared instead of copied
  std::unique_ptr<Error> error{};
};

/// The result that a handler appends to Effects::results.
class HandlerResult {
 public:
  explicit HandlerResult(std::string& results) : results_(results), begin_(results.size()) {}
  std::size_t begin() const { return begin_; }
  std::size_t size() const {
    AGORA_ASSERT(results_.size() >= begin_);
    return results_.size() - begin_;
  }
  std::string_view bytes() const { return {results_.data() + begin_, size()}; }
  /// Discards the result.
  void drop() const { results_.resize(results_.size() - size()); }

 private:
  std::string& results_;
  std::size_t begin_;
};

/// The effects of some commands in their order, with the bytes of replies and notices.
struct Effects {
  std::vector<Effect> list;
  std::string bytes;
  /// Separate from `bytes`: replies to waiters may be written while a handler runs, and must not
  /// land within its result.
  std::string results;
  /// Grows with each clear(): values at the same place are the same only under the same number.
  std::uint64_t serial = 0;

  std::string& buffer(Buffer which) { return which == Buffer::results ? results : bytes; }
  const std::string& buffer(Buffer which) const {
    return which == Buffer::results ? results : bytes;
  }
  /// Returns the value of a reply or notice; valid until the next change of its buffer.
  PackedView result(const Effect& effect) const {
    if (effect.blob.view().present()) return effect.blob.view();
    const std::string& in = buffer(effect.buffer);
    AGORA_ASSERT(effect.offset + effect.length <= in.size());
    return PackedView{{in.data() + effect.offset, effect.length}};
  }
  /// Returns the number of bytes in both buffers.
  std::size_t size() const { return bytes.size() + results.size(); }
  void clear() {
    ++serial;
    list.clear();
    bytes.clear();
    results.clear();
  }
};

}  // namespace agora
