// SPDX-License-Identifier: MIT

// Command and Batch: the inputs of the machine, as data. A batch owns the bytes of its commands, so
// no input buffer is pinned while a journal commits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
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

/// A method of the catalogue: its row and its type.
struct MethodRef {
  const ObjectType* type = nullptr;
  const Method* method = nullptr;
  bool on_object = false;   ///< the first parameter is the object's name
  bool scales = false;      ///< one call may take long (Method::scales); set by the catalogue
  Role role = Role::write;  ///< the least role that may call it: method->least_role()

  /// Returns the reference of that row of the type's table.
  static MethodRef of(const ObjectType& type, const Method& method);
};

/// The proofs of a TLS handshake.
struct TlsPeer {
  std::string binding;  ///< SHA-256 of the server's certificate in DER, 32 raw bytes
  /// The subject of the client's certificate, which was verified: RFC 4514, each blank as \20;
  /// empty if the client has sent none.
  std::string subject;
  std::optional<Role> role;  ///< from the first URI agora:ROLE of the client's certificate
};

/// The identity of a client, as the server has verified it.
struct Identity {
  enum class Kind : std::uint8_t { loopback, local_user, key, certificate };
  Kind kind = Kind::loopback;
  std::string id;  ///< of the key, the subject of the certificate, or the number of the local user
  Role role = Role::write;
  bool by_key_file = false;  ///< a line of the key file gives it, else its certificate alone
  std::string names{};       ///< the prefix of all names that it may use; empty: every name

  /// Returns true if it has logged in, by a key or by a certificate.
  bool has_logged_in() const { return kind == Kind::key || kind == Kind::certificate; }
  /// Returns true if it may see the sessions, locks and waits of all clients.
  bool sees_all() const { return !has_logged_in() || role == Role::admin; }
  /// Returns "ci", "cert:CN=ci", "uid:1000" or "loopback".
  std::string text() const {
    switch (kind) {
      case Kind::loopback:
        return "loopback";
      case Kind::local_user:
        return "uid:" + id;
      case Kind::certificate:
        return "cert:" + id;
      case Kind::key:
        break;
    }
    return id;
  }
};
using IdentityPointer = std::shared_ptr<const Identity>;

/// Returns true if both are the same client: a role may have changed in between.
inline bool same_client(const IdentityPointer& a, const IdentityPointer& b) {
  if (a == b || !a || !b) return a == b;
  return a->kind == b->kind && a->id == b->id;
}

/// The outcome of a call by which a client logs in.
struct LoginResult {
  std::string text{};          ///< the server's name, for a challenge; else the server's proof
  std::string nonce{};         ///< of a challenge
  IdentityPointer identity{};  ///< of a client that has logged in
  std::unique_ptr<Error> error{};
};

/// The client at the other end of a connection, for server.sessions.
struct Peer {
  std::string client;  ///< the name that the client gave
  std::string host;
  std::string transport;  ///< "unix", "tcp", "tls", "test"
  std::int64_t pid = 0;   ///< 0: unknown
  Role role = Role::write;
  bool pid_proven = false;  ///< the kernel vouches for `pid`
  bool may_map = false;     ///< its user and host are the server's, and it can receive descriptors
  bool tls_only = false;    ///< its address refuses plain text
  std::shared_ptr<const TlsPeer> tls;  ///< null: not over TLS
  IdentityPointer identity;            ///< null: it has to log in, or the embedder gave none
  std::string secret;                  ///< becomes the token of a session opened here; unguessable
};

/// The form of a call's number on the wire. An opened session orders its calls by these numbers; in
/// any session the number of a waiting call names it for session.cancel.
enum class Numbering : std::uint8_t {
  none,          ///< a typed line has no number
  notification,  ///< no number and no reply
  unusable,      ///< an id that is not a natural number
  low_bits,      ///< a msgid: the low 32 bits
  whole,         ///< a JSON id
};

struct Command {
  enum class Kind : std::uint8_t {
    call,
    cancel,     ///< the client cancels its waiting call with that tag
    heartbeat,  ///< a message that admission refused: it still shows that the client lives
    progress,   ///< `number` bytes of a message under way, in either direction
    link_opened,
    link_closed,
    process_exited,   ///< the process of `session` is dead: it gets no more grants, but messages
                      ///< that it had sent may follow
    process_drained,  ///< the last of these messages has been applied
    not_mapped,       ///< `session` maps no memory: the server cannot watch its process's death
    server_ending,    ///< the server ends in good order: all waiting calls are answered
    time_passed,
  };
  Kind kind = Kind::time_passed;
  LinkId link{};
  std::uint64_t tag = 0;    ///< call, cancel: opaque to the core; returned with the reply
  MethodRef method{};       ///< call
  std::uint32_t first = 0;  ///< call: index of its first argument in Batch::arguments
  std::uint32_t count = 0;  ///< call: the number of its arguments
  std::uint32_t guard = 0;  ///< call: 1 + the index of its guard in Batch::arguments; 0: none
  /// link_opened: index in Batch::peers. A call that logs in: 1 + the index in Batch::logins.
  std::uint32_t peer = 0;
  std::uint64_t number = 0;  ///< call: in the form of `numbering`; progress: bytes
  Numbering numbering = Numbering::none;
  SessionId session{};  ///< process_exited, process_drained, not_mapped
};

/// Commands in their order, with the bytes of their arguments.
struct Batch {
  struct Span {
    std::size_t offset = 0;
    std::size_t length = 0;  ///< 0: the caller left the argument out

    /// Returns a span in one of Batch::buffers. Any other span lies in Batch::bytes.
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

  Instant now{};              ///< time does not advance within a batch
  Duration wall_ahead{};      ///< the wall clock minus `now`
  bool memory_short = false;  ///< the system refuses memory: nothing may grow
  std::vector<Command> commands;
  std::vector<Span> arguments;
  std::vector<Peer> peers;
  std::vector<LoginResult> logins;
  std::string bytes;
  std::vector<RawBytes> buffers;  ///< large messages, moved instead of copied

  PackedView argument(std::size_t index) const {
    const Span span = arguments[index];
    if (span.is_in_buffer()) [[unlikely]]
      return in_buffer(span);
    return PackedView{{bytes.data() + span.offset, span.length}};
  }
  /// Returns the number of bytes in `bytes` and `buffers`.
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
    logins.clear();
    bytes.clear();
    buffers.clear();
  }
};

}  // namespace agora
