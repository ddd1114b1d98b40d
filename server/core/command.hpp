// All that can happen to the machine, as data. A batch owns the bytes of its commands, so no input
// buffer is pinned while a journal commits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/method.hpp"
#include "shared/base/ids.hpp"
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

/// Who opens a session: what server.sessions shows.
struct Peer {
  std::string client;  ///< what the program calls itself
  std::string host;
  std::string transport;  ///< "unix", "tcp", "test"
  std::int64_t pid = 0;   ///< 0: not known
  Role role = Role::write;
};

struct Command {
  enum class Kind : std::uint8_t { call, cancel, session_opened, session_ended, time_passed };
  Kind kind = Kind::time_passed;
  SessionId session{};
  std::uint64_t tag = 0;    ///< call, cancel: the caller's own mark, comes back with the reply
  MethodRef method{};       ///< call
  std::uint32_t first = 0;  ///< call: its arguments in Batch::arguments
  std::uint32_t count = 0;
  std::uint32_t peer = 0;  ///< session_opened: in Batch::peers
};

/// Commands in their order, with the bytes that they speak of.
struct Batch {
  struct Span {
    std::size_t offset = 0;
    std::size_t length = 0;  ///< 0: left out by the caller
  };

  Instant now{};  ///< time stands still within a batch
  std::vector<Command> commands;
  std::vector<Span> arguments;
  std::vector<Peer> peers;
  std::string bytes;

  PackedView argument(std::size_t index) const {
    const Span span = arguments[index];
    return PackedView{std::string_view{bytes}.substr(span.offset, span.length)};
  }
  bool empty() const { return commands.empty(); }
  void clear() {
    commands.clear();
    arguments.clear();
    peers.clear();
    bytes.clear();
  }
};

}  // namespace agora
