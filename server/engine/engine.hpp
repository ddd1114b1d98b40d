// The engine: admits calls, puts them in order through the journal, applies what is committed,
// and hands out the effects. No I/O of its own; the ports are its only views.
//
// Use: call open/call/cancel/end for what arrives, then turn() once for all of it. Effects are
// delivered inside turn(). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/core/machine/machine.hpp"
#include "server/engine/admission.hpp"
#include "server/engine/ports.hpp"
#include "server/engine/spare_buffers.hpp"

namespace agora {

class Engine {
 public:
  /// All four must outlive the engine.
  Engine(Machine& machine, Clock& clock, Journal& journal, Outbox& outbox);

  /// A new connection, with a plain session of the same number; its id is good at once.
  LinkId open(Peer peer);
  /// The connection is over: the end of a plain session, a cut of an opened one.
  void close(LinkId link);
  /// The process of an opened session is proven dead: nothing is granted to it any more. What it
  /// had sent may follow, then process_drained.
  void process_exited(SessionId session);
  /// All that it had sent has been heard: gives back all that it has, in one step.
  void process_drained(SessionId session);
  /// What session.map promised an opened session it did not get: it has a ttl again.
  void not_mapped(SessionId session);

  /// Takes a call into the next turn. An error is the call's answer: nothing else will come.
  Expected<void> call(const CallRequest& request);
  /// Cancels the link's waiting call with that tag, if it still waits by then.
  void cancel(LinkId link, std::uint64_t tag);
  /// A message came that was no call: its sender lives.
  void heartbeat(LinkId link);

  /// Commits what was taken in, applies all that is committed, delivers the effects. Called from
  /// within a turn (by an outbox) it does nothing: the turn that runs goes on until all is done.
  void turn();

  /// So much was taken in that more of it would only push it out of a near cache.
  bool has_enough() const {
    constexpr std::size_t kEnough = std::size_t{256} << 10;
    return gathering_ != nullptr && gathering_->size() >= kEnough;
  }

  /// Memory that large messages have left behind.
  SpareBuffers& spare_buffers() { return spare_buffers_; }

  /// When turn() has something to do without any call; nothing: never.
  std::optional<Instant> next_deadline() const { return deadline_; }

  Machine& machine() { return machine_; }
  const Limits& limits() const { return machine_.limits(); }

 private:
  /// What is kept for the bytes of the next turn.
  static constexpr std::size_t kSpareBytesMax = std::size_t{4} << 20;

  Batch& batch();
  Command& command(Command::Kind kind, LinkId link);
  void apply(std::unique_ptr<Batch> committed);

  Machine& machine_;
  Clock& clock_;
  Journal& journal_;
  Outbox& outbox_;
  Admission admission_;
  std::optional<Instant> deadline_;  // the machine's: only a batch moves it
  std::unique_ptr<Batch> gathering_;
  std::unique_ptr<Batch> spare_;  // keeps its memory from turn to turn
  SpareBuffers spare_buffers_;
  Effects effects_;
  std::uint64_t last_link_ = 0;
  bool turning_ = false;
};

}  // namespace agora
