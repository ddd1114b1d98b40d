// CallTable: the calls in flight on one connection, and whose each reply is. No I/O, no lock of its
// own: the connection's mutex guards it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include <agora/handle.hpp>

#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::client {

/// The place where one caller waits for its reply.
struct Slot {
  explicit Slot(const Call& its_call) : call(its_call) {}

  const Call& call;
  bool sent = false;    ///< the server may have the call
  bool done = false;    ///< result or error is there
  bool parked = false;  ///< its caller sleeps on `wake`, somebody else reads
  Packed result;
  std::unique_ptr<Error> error;
  std::condition_variable wake;
};

class CallTable {
 public:
  /// Gives the call a number that no other call in flight has.
  std::uint32_t open(Slot& slot);

  /// Takes a call out that was never sent.
  void close(std::uint32_t id) { calls_.erase(id); }

  /// The caller gives up: a late reply is dropped, and undone if the call says how.
  void abandon(std::uint32_t id);

  enum class Dealt : std::uint8_t {
    delivered,  ///< to the slot that is `done` now
    dropped,    ///< late, its caller has gone
    stray,      ///< an answer to no call: the connection is out of step
  };
  struct Deal {
    Dealt dealt = Dealt::stray;
    Slot* slot = nullptr;  ///< of `delivered`
    std::string undo;      ///< of `dropped`: a whole message to send, or nothing
  };
  /// Puts a reply where it belongs.
  Deal deal(ServerMessage& reply);

  /// The connection is lost: every caller gets an `unavailable` that says for its call whether the
  /// effect happened, and is woken.
  void fail_all(const std::string& reason);

  /// A caller that sleeps while nobody reads; null if there is none.
  Slot* parked();

  std::size_t size() const { return calls_.size(); }

 private:
  struct Entry {
    Slot* slot = nullptr;  // null: abandoned
    std::string undo;
  };
  std::unordered_map<std::uint32_t, Entry> calls_;
  std::uint32_t last_ = 0;
};

}  // namespace agora::client
