// All that the machine may ask for: replies, notices, and the end of connections.
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

/// The tag of notices that a session gets all at once because it has missed them: they do not count
/// as a consumer's failure to read.
constexpr std::uint64_t kCatchingUp = 1;

struct Effect {
  enum class Kind : std::uint8_t {
    reply,             ///< the result of a call
    failure,           ///< its error
    parked,            ///< it waits: the answer comes with a later command
    notice,            ///< a message that nobody asked for now: a map
    link_closed,       ///< drop the connection; nothing more will be said to it
    session_attached,  ///< `session` is opened, or resumed, over `link`
    session_moved,     ///< the same for one that shares memory: it still ends with the process
                       ///< that has it mapped, whoever speaks for it over `link`
    session_ended,     ///< an opened session is over
    extents,           ///< the link's next reply carries the descriptors of shared extents
    ring,              ///< what the link says behind its next reply may go through a ring
    shutdown,          ///< the server is to stop
  };
  Kind kind = Kind::reply;
  LinkId link{};
  std::uint64_t tag = 0;
  SessionId session{};  ///< session_attached, session_moved, session_ended, extents
  std::size_t offset =
      0;  ///< reply, notice: in Effects::bytes, unless it is a blob; extents: first
  std::size_t length = 0;  ///< the same; extents: how many
  bool written = false;    ///< reply: its handler has written it, in Effects::written
  BlobRef blob{};          ///< reply: a large stored value, shared instead of copied
  std::unique_ptr<Error> error{};
};

/// What a handler writes at the end of Effects::written.
class Written {
 public:
  explicit Written(std::string& all) : all_(all), begin_(all.size()) {}
  std::size_t begin() const { return begin_; }
  std::size_t size() const {
    AGORA_ASSERT(all_.size() >= begin_);
    return all_.size() - begin_;
  }
  std::string_view bytes() const { return {all_.data() + begin_, size()}; }
  /// It is not the result after all.
  void drop() const { all_.resize(all_.size() - size()); }

 private:
  std::string& all_;
  std::size_t begin_;
};

/// The effects of some commands in their order, with the bytes of the replies.
struct Effects {
  std::vector<Effect> list;
  std::string bytes;
  std::string written;  ///< results that handlers write: whoever else is answered stays out of them

  /// The value that a reply or notice carries; valid until the next change of the bytes.
  PackedView result(const Effect& effect) const {
    if (effect.blob.view().present()) return effect.blob.view();
    const std::string& in = effect.written ? written : bytes;
    AGORA_ASSERT(effect.offset + effect.length <= in.size());
    return PackedView{{in.data() + effect.offset, effect.length}};
  }
  void clear() {
    list.clear();
    bytes.clear();
    written.clear();
  }
};

}  // namespace agora
