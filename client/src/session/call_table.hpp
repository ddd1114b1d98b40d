// CallTable: the calls of one session that have no answer yet, their numbers, and whose each reply
// is. It outlives connections. No I/O, no lock of its own: the session's mutex guards it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <agora/detail/handle.hpp>

#include "client/src/memory/mapping.hpp"
#include "client/src/session/acknowledgements.hpp"
#include "client/src/session/lease.hpp"
#include "client/src/transport/deadline.hpp"
#include "shared/base/error.hpp"
#include "shared/value/packed.hpp"
#include "shared/wire/msgpack_client.hpp"

namespace agora::detail {

/// While it lives, looks past the server wait for a call without an answer: see view.hpp.
class GateHold {
 public:
  GateHold() = default;
  explicit GateHold(std::shared_ptr<Mapping> mapping) : mapping_(std::move(mapping)) {
    mapping_->call_started();
  }
  GateHold(GateHold&& other) noexcept : mapping_(std::move(other.mapping_)) {}
  GateHold& operator=(GateHold&& other) noexcept {
    std::swap(mapping_, other.mapping_);
    return *this;
  }
  ~GateHold() { release(); }
  explicit operator bool() const { return mapping_ != nullptr; }
  void release() {
    if (const auto mapping = std::exchange(mapping_, nullptr)) mapping->call_answered();
  }

 private:
  std::shared_ptr<Mapping> mapping_;
};

/// The place where one call waits for its reply.
struct Slot {
  Slot(const Call& its_call, const Deadline& its_deadline)
      : call(its_call), deadline(its_deadline) {}
  virtual ~Slot() = default;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  Call call;
  Deadline deadline;
  std::uint64_t number = 0;         ///< among the calls of its session; 0: it has none yet
  LifeClock::time_point sent_at{};  ///< for the lease
  bool sent = false;                ///< the server may have the call
  bool done = false;                ///< result or error is there
  /// When a waiting call is cancelled: before its deadline, so that the exact answer comes in time.
  Deadline cancel_at;
  bool cancelled = false;  ///< the server is told, or will be once it has the call
  bool parked = false;     ///< its caller sleeps on `wake`, somebody else reads
  Packed result;
  std::unique_ptr<Error> error;
  std::condition_variable wake;
  /// Of a call for whose reply nobody blocks: no look may come before it.
  GateHold pending;

  /// When something is to be done about it next.
  const Deadline& next_date() const { return cancel_at && !cancelled ? cancel_at : deadline; }
};

struct OwnedSlot;
/// Calls by the time at which they end.
using Deadlines = std::multimap<Clock::time_point, OwnedSlot*>;

/// A call that nobody's stack keeps: its bytes are its own, and somebody may want to be told.
struct OwnedSlot : Slot {
  OwnedSlot(const Call& its_call, const Deadline& its_deadline,
            std::unique_ptr<Completion> its_completion = nullptr);

  std::string method;
  std::string params;
  std::string undo_method;
  std::string undo_params;
  std::unique_ptr<Completion> completion;  ///< null: nobody wants to know
  std::optional<Deadlines::iterator> due;  ///< its place among the deadlines, if it has one
};

class CallTable {
 public:
  /// Calls that do not wait may be so many without answer. The server keeps 1,024 replies.
  static constexpr std::size_t kOpenMax = 512;

  /// Gives the call the next number. It has to be sent before any later one.
  void open(Slot& slot, LifeClock::time_point now);
  void open(std::unique_ptr<OwnedSlot> slot, LifeClock::time_point now);
  /// True if a further call that does not wait has to wait its turn.
  bool full() const { return open_ >= kOpenMax; }

  /// Takes a call out that was never sent.
  void close(std::uint64_t number);
  /// The caller gives up. The table keeps a copy of the call: if a connection breaks, a call that
  /// the server has seen is asked for again, to learn and give back what it brought.
  /// @param pending  for as long as that may still come
  void abandon(std::uint64_t number, GateHold pending = {});
  /// The caller gives up, the call does not: the table keeps it, as one for whose reply nobody
  /// asks.
  void keep(std::uint64_t number);
  /// As abandon, for a call that the table keeps, which is given back; never sent, it is taken out.
  std::unique_ptr<OwnedSlot> take_back(std::uint64_t number);
  /// The caller has its reply. `kept`: the server keeps it until it hears so.
  void finished(std::uint64_t number, bool kept) { acknowledgements_.finished(number, kept); }

  enum class Dealt : std::uint8_t {
    delivered,  ///< to the slot that is `done` now
    refused,    ///< the server keeps too much already: the call was not run and needs a new number
    dropped,    ///< late, its caller has gone
    stray,      ///< an answer to no call: the connection is out of step
  };
  struct Deal {
    Dealt dealt = Dealt::stray;
    Slot* slot = nullptr;              ///< of `delivered` and `refused`
    std::unique_ptr<OwnedSlot> owned;  ///< that slot, if the table kept it
    std::unique_ptr<OwnedSlot> undo;   ///< of `dropped`: a call to make, or none
    LifeClock::time_point sent_at{};
  };
  /// Puts a reply where it belongs.
  Deal deal(ServerMessage& reply);

  /// The session is resumed on a new connection; the server has seen numbers up to `last_seen`.
  /// Appends to `out` what it has to hear: acknowledgements, every call without an answer, in the
  /// order of numbers, and that waiting calls whose caller has gone are to be cancelled.
  void resume(std::uint64_t last_seen, LifeClock::time_point now, std::string& out);

  /// The session is over: every blocking caller gets the error, with what is known of its effect,
  /// and is woken. Gives the calls that the table kept, likewise.
  std::vector<std::unique_ptr<OwnedSlot>> fail_all(const Error& error);

  /// A caller that sleeps while nobody reads; null if there is none.
  Slot* parked();
  std::size_t size() const { return calls_.size(); }
  /// How many calls are kept by the table: nobody blocks for their reply, so nobody may read it.
  std::size_t owned() const { return owned_; }

  /// Appends the acknowledgement if one is due, in front of the next call.
  void acknowledge(std::string& out) {
    if (acknowledgements_.due()) acknowledgements_.write(last_ + 1, out);
  }
  bool acknowledgement_due() const { return acknowledgements_.due(); }
  const Acknowledgements& acknowledgements() const { return acknowledgements_; }

 private:
  struct Entry {
    std::uint64_t number = 0;
    Slot* slot = nullptr;              // null: abandoned
    std::unique_ptr<OwnedSlot> owned;  // the slot, if nobody's stack has it, or a copy
    bool waits = false;
    LifeClock::time_point sent_at{};
  };
  void open(Slot& slot, std::unique_ptr<OwnedSlot> owned, LifeClock::time_point now);
  Deal drop(Entry& entry, const ServerMessage& reply);
  void heard_up_to(std::uint64_t number);
  void put_in(const Entry& entry);
  void take_out(const Entry& entry);
  void resume_entry(Entry& entry, std::uint64_t last_seen, std::string& out);

  std::unordered_map<std::uint32_t, Entry> calls_;  // by the number's low half, as on the wire
  // Waiting calls of which it is not known that they stand in their lines, by their numbers.
  std::map<std::uint64_t, Slot*> unheard_;
  std::uint64_t last_ = 0;
  std::size_t open_ = 0;   // calls that do not wait
  std::size_t owned_ = 0;  // calls with `owned`, abandoned ones included
  Acknowledgements acknowledgements_;
};

/// The error for one caller when its session is over: unknown only if the call was sent and
/// changes something.
Error error_for(const Slot& slot, const Error& error);

/// The call that gives back what this one may have got; null if it says none.
std::unique_ptr<OwnedSlot> undo_of(const Call& call);

/// Appends the whole message of one call.
void write_call(const Slot& slot, std::string& out);

/// Appends the notification that cancels a waiting call.
void write_cancel(std::uint64_t number, std::string& out);

}  // namespace agora::detail
