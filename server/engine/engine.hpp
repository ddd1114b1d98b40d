// SPDX-License-Identifier: MIT

// Engine: admits calls, orders them through the journal, applies committed batches to the machine,
// and delivers the effects. It does no I/O: it reaches the world through its ports only.
//
// Use: call open, call, cancel and close as input arrives, then turn() once for all of it. Effects
// are delivered inside turn(). One thread.
//
// A turn ends by work, not by time. A call that may be expensive is deferred (DeferredCalls): it
// waits in the line of its link. run_deferred() runs such calls, link by link, until the pass has
// spent Limits::turn_work_max units. The cheap calls of other links go first, so they wait for one
// expensive call at most. The order is decided before the journal sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "server/core/machine/machine.hpp"
#include "server/engine/admission.hpp"
#include "server/engine/deferred_calls.hpp"
#include "server/engine/ports.hpp"
#include "server/engine/spare_buffers.hpp"

namespace agora {

class Engine {
 public:
  /// All four must outlive the engine.
  Engine(Machine& machine, Clock& clock, Journal& journal, Outbox& outbox);

  /// Opens a link for a new connection, with a plain session of the same number. The id can be used
  /// at once.
  LinkId open(Peer peer);
  /// Closes the link: ends a plain session, disconnects an opened one.
  void close(LinkId link);
  /// Ends the waits of an opened session whose process has ended. The calls that the process had
  /// sent may follow, then process_drained().
  void process_exited(SessionId session);
  /// Ends the session of such a process and releases all that it holds, in one step. Called once
  /// all calls that the process had sent have run.
  /// @param link  the link over which it had sent them
  void process_drained(SessionId session, LinkId link);
  /// Applies the ttl of an opened session again: it did not get the memory that session.map
  /// promised.
  void not_mapped(SessionId session);

  /// Refuses all waiting calls with SessionLost, since the server ends. Only close() may follow.
  void server_ending();

  /// Sets the port that verifies logins; it must outlive the engine. Without it all are refused.
  void use_logins(LoginPort& port) { logins_.use(port); }
  Logins& logins() { return logins_; }

  /// Takes a call into the next turn. An error is the call's only reply.
  Expected<void> call(const CallRequest& request);
  /// Cancels the link's call with that tag, if it still waits when the command is applied.
  void cancel(LinkId link, std::uint64_t tag);
  /// Renews the session's ttl: a message arrived that was refused before it became a command.
  void heartbeat(LinkId link);
  /// Notes that `bytes` bytes of an incomplete message have arrived, or that many bytes of output
  /// have been sent and more are left.
  void progress(LinkId link, std::size_t bytes);

  /// Takes the link's postponed commands into the next turn, in their order. Called once the outbox
  /// has got an effect `postponed` for the link and has room for its replies. The caller takes no
  /// call of that link in between.
  void take_postponed(LinkId link);

  /// Appends the gathered batch to the journal, applies all committed batches, and delivers their
  /// effects. A nested call, from an outbox, does nothing: the outer turn continues until no batch
  /// is left.
  void turn();
  /// Begins a pass: all connections that were ready have been read since the last one.
  void begin_pass() {
    pass_work_ = 0;
    pass_ran_one_ = false;
  }
  /// Runs deferred calls, link by link, until the pass has spent Limits::turn_work_max; at least
  /// one in each pass. Called after turn(), once the replies of the cheap calls are on their way.
  void run_deferred();
  /// Returns true if links without deferred calls have sent calls since the last run_deferred().
  bool others_called() const { return others_called_; }
  /// Returns true if calls of that link are deferred. Nothing more should be read from it.
  bool defers(LinkId link) const { return !deferred_.empty() && deferred_.holds(link); }
  /// Returns true if deferred calls may run: another pass should follow at once.
  bool has_deferred() const { return !deferred_.idle(); }
  /// Lets the deferred calls of a link run on: its output has room again.
  void resume_deferred(LinkId link) {
    if (!postponed_.contains(link)) deferred_.unblock(link);
  }
  /// Returns the work of all turns so far, in units (Machine::spend).
  std::uint64_t work() const { return machine_.work(); }

  /// Returns true if the gathered batch fills the CPU's cache: gathering more would evict its
  /// start.
  bool has_enough() const {
    constexpr std::size_t kEnough = std::size_t{256} << 10;
    return gathering_ != nullptr && gathering_->size() >= kEnough;
  }

  /// Returns true if give_back_memory() should be called in a second. O(1); called once a turn.
  bool holds_unused_memory() { return machine_.note_memory() || !spare_buffers_.empty(); }
  /// Gives back the memory that was not used for a second: spare buffers, and the free memory of
  /// the storage. @return whether the heap of the process may have become much smaller
  bool give_back_memory();

  /// Returns the pool of buffers that large messages have left behind.
  SpareBuffers& spare_buffers() { return spare_buffers_; }

  /// Returns the time at which turn() has work without any call, or nullopt if there is none.
  std::optional<Instant> next_deadline() const;

  Machine& machine() { return machine_; }
  const Limits& limits() const { return machine_.limits(); }

 private:
  /// The most memory that is kept for the bytes of the next turn.
  static constexpr std::size_t kSpareBytesMax = std::size_t{4} << 20;

  /// Ends a turn, however it is left.
  struct Turning {
    explicit Turning(Engine& its_engine) : engine(its_engine) {}
    Turning(const Turning&) = delete;
    Turning& operator=(const Turning&) = delete;
    ~Turning() {
      engine.turning_ = false;
      if (!engine.effects_.list.empty()) engine.effects_.clear();
    }
    Engine& engine;
  };

  Batch& batch();
  bool has_due_work();
  void begin(Batch& batch);
  void schedule();
  void defer();
  void run_next_deferred();
  void note_others();
  void read_wall_clock(Instant now);
  Command& command(Command::Kind kind, LinkId link);
  void apply(std::unique_ptr<Batch> committed);
  void deliver(const Batch& batch);
  void postpone(const Batch& batch, const Command& command);

  Machine& machine_;
  Clock& clock_;
  Journal& journal_;
  Outbox& outbox_;
  Logins logins_;
  Admission admission_;
  std::optional<Instant> deadline_;  // the machine's; only a batch changes it
  Duration wall_ahead_{};            // the clock's, as last read
  Instant wall_read_again_{};        // the time from which on a batch reads it again
  std::unique_ptr<Batch> gathering_;
  std::size_t gathered_work_ = 0;  // the estimate for its calls that may be expensive
  std::size_t pass_work_ = 0;      // of this pass
  bool pass_ran_one_ = false;      // of the deferred calls
  bool others_called_ = false;
  DeferredCalls deferred_;
  std::unique_ptr<Batch> spare_;  // applied and cleared; its memory is reused
  SpareBuffers spare_buffers_;
  Effects effects_;
  std::unordered_map<LinkId, Batch> postponed_;  // only looked up
  std::uint64_t last_link_ = 0;
  bool turning_ = false;
};

}  // namespace agora
