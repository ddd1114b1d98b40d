// The engine: admits calls, puts them in order through the journal, applies what is committed,
// and hands out the effects. No I/O of its own; the ports are its only windows.
//
// Use: call open/call/cancel/end for what arrives, then turn() once for all of it. Effects are
// delivered inside turn(). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "server/core/machine.hpp"
#include "server/engine/admission.hpp"
#include "server/engine/ports.hpp"

namespace agora {

class Engine {
 public:
  /// All four must outlive the engine.
  Engine(Machine& machine, Clock& clock, Journal& journal, Outbox& outbox);

  /// A new session; its id is good at once.
  SessionId open(Peer peer);
  /// Gives back all that the session has, in one step.
  void end(SessionId session);

  /// Takes a call into the next turn. An error is the call's answer: nothing else will come.
  Expected<void> call(const CallRequest& request);
  /// Cancels the session's waiting call with that tag, if it still waits by then.
  void cancel(SessionId session, std::uint64_t tag);

  /// Commits what was taken in, applies all that is committed, delivers the effects. Called from
  /// within a turn (by an outbox) it does nothing: the turn that runs goes on until all is done.
  void turn();

  /// When turn() has something to do without any call; nothing: never.
  std::optional<Instant> next_deadline() const { return machine_.next_deadline(); }

  Machine& machine() { return machine_; }
  const Limits& limits() const { return machine_.limits(); }

 private:
  Batch& batch();
  void apply(std::unique_ptr<Batch> committed);

  Machine& machine_;
  Clock& clock_;
  Journal& journal_;
  Outbox& outbox_;
  Admission admission_;
  std::unique_ptr<Batch> gathering_;
  std::unique_ptr<Batch> spare_;  // keeps its memory from turn to turn
  Effects effects_;
  std::uint64_t last_session_ = 0;
  bool turning_ = false;
};

}  // namespace agora
