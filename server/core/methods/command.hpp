// All that can happen to the machine, as data. A batch owns the bytes of its commands, so no input
// buffer is pinned while a journal commits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/methods/method.hpp"
#include "shared/base/ids.hpp"
#include "shared/base/raw_bytes.hpp"
#include "shared/base/time.hpp"
#include "shared/value/packed.hpp"

namespace agora {

struct ObjectType;

/// A method of the catalogue: the row and the type that it belongs to.
struct MethodRef {
  const ObjectType* type = nullptr;
  const Method* method = nullptr;
  bool on_object = false;  ///< the first parameter is the object's name
};

/// Who is at the other end of a connection: what server.sessions shows.
struct Peer {
  std::string client;  ///< what the program calls itself
  std::string host;
  std::string transport;  ///< "unix", "tcp", "test"
  std::int64_t pid = 0;   ///< 0: not known
  Role role = Role::write;
  bool pid_proven = false;  ///< the kernel vouches for `pid`
  bool may_map = false;  ///< it is of the server's own user, on its host, and can get descriptors
  std::string secret;    ///< what becomes the token of a session opened there: unguessable
};

/// What the wire says of a call's number. It counts in an opened session only.
enum class Numbering : std::uint8_t {
  none,          ///< a typed line: it has none
  notification,  ///< it has none, and nobody hears the answer
  unusable,      ///< an id that is no natural number
  low_bits,      ///< a msgid: the low 32 bits
  whole,         ///< a JSON id
};

struct Command {
  enum class Kind : std::uint8_t {
    call,
    cancel,     ///< the link gives up its waiting call with that tag
    heartbeat,  ///< a message that was refused before it came here
    link_opened,
    link_closed,
    process_exited,   ///< the process of `session` is dead: nothing is granted to it any more, but
                      ///< what it had sent may follow
    process_drained,  ///< all it had sent has been heard
    not_mapped,       ///< `session` got no memory: its process's end could not be seen
    time_passed,
  };
  Kind kind = Kind::time_passed;
  LinkId link{};
  std::uint64_t tag = 0;    ///< call, cancel: the link's own mark, comes back with the reply
  MethodRef method{};       ///< call
  std::uint32_t first = 0;  ///< call: its arguments in Batch::arguments
  std::uint32_t count = 0;
  std::uint32_t guard = 0;   ///< call: 1 + the place of its guard in Batch::arguments; 0: none
  std::uint32_t peer = 0;    ///< link_opened: in Batch::peers
  std::uint64_t number = 0;  ///< call: as far as `numbering` says
  Numbering numbering = Numbering::none;
  SessionId session{};  ///< process_exited, process_drained, not_mapped
};

/// Commands in their order, with the bytes that they speak of.
struct Batch {
  struct Span {
    std::size_t offset = 0;
    std::size_t length = 0;  ///< 0: left out by the caller

    /// A place in one of `buffers`; any other is in `bytes`.
    static Span in_buffer(std::size_t buffer, std::size_t offset, std::size_t length) {
      return {kInBuffer | buffer << kBufferShift | offset, length};
    }
    bool is_in_buffer() const { return (offset & kInBuffer) != 0; }
    std::size_t buffer() const { return (offset & ~kInBuffer) >> kBufferShift; }
    std::size_t offset_in_buffer() const { return offset & ((std::size_t{1} << kBufferShift) - 1); }

   private:
    static constexpr unsigned kBufferShift = 40;
    static constexpr std::size_t kInBuffer = std::size_t{1} << 63;
  };

  Instant now{};  ///< time stands still within a batch
  std::vector<Command> commands;
  std::vector<Span> arguments;
  std::vector<Peer> peers;
  std::string bytes;
  std::vector<RawBytes> buffers;  ///< messages that were large, taken over instead of copied

  PackedView argument(std::size_t index) const {
    const Span span = arguments[index];
    if (span.is_in_buffer()) [[unlikely]]
      return in_buffer(span);
    return PackedView{{bytes.data() + span.offset, span.length}};
  }
  /// All bytes that it holds.
  std::size_t size() const {
    std::size_t sum = bytes.size();
    for (const RawBytes& buffer : buffers) sum += buffer.size();
    return sum;
  }
  bool empty() const { return commands.empty(); }
  PackedView in_buffer(Span span) const {
    const std::string_view all = buffers[span.buffer()].view();
    return PackedView{all.substr(span.offset_in_buffer(), span.length)};
  }
  void clear() {
    commands.clear();
    arguments.clear();
    peers.clear();
    bytes.clear();
    buffers.clear();
  }
};

}  // namespace agora
