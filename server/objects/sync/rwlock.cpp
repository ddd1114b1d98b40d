// SPDX-License-Identifier: MIT

// rwlock: a readers-writer lock. std::shared_mutex, with owners.
//
// Readers and writers wait in one FIFO queue, so a waiting writer goes before new readers. An owner
// that reads gets further reads at once, past waiting writers, under the token of its first read;
// otherwise it would deadlock with itself. Each other grant has a token of its own. The death of an
// owner is handled as in lock: only the next grant reports it, or the lock stays broken until
// reset.

#include <algorithm>
#include <map>
#include <utility>

#include "server/core/machine/deadlock.hpp"
#include "server/core/machine/session_format.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/sync/lock_state.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

struct Reading {
  std::uint64_t token = 0;
  Instant since{};
  std::uint64_t count = 0;  // recursion depth of that owner's reads
};
using Readers = std::map<std::pair<SessionId, std::string>, Reading>;

struct Content {
  bool broken = false;
  bool owner_died = false;  // the next grant reports it
  std::uint64_t last_token_given = 0;
  Readers readers;
  std::optional<Grant> writer;
  std::size_t bytes = 0;  // of the readers
};

/// The memory of a reader apart from its owner's text, in bytes, roughly.
constexpr std::size_t kReaderBytes = 128;

/// At the memory cap a lock takes no further readers if it has so many already.
constexpr std::size_t kReadersMin = 16;

// Waiter::count: the kind of the wait.
constexpr std::uint64_t kToRead = 0;
constexpr std::uint64_t kToWrite = 1;

class ReadWriteLock : public Lockable {
 public:
  void save(Writer& out) const override {
    out.list(3);
    out.unsigned_integer(content.last_token_given);
    out.boolean(breaks);
    out.boolean(content.broken);
  }
  Outcome plain(Call&, Writer& out) const override {
    out.boolean(content.writer.has_value() || !content.readers.empty());
    return Progress::done;
  }
  void session_ended(Machine& machine, Object& object, SessionId session) override;
  void serve(Machine& machine, Object& object) override;
  std::function<void()> restorer(Machine& machine) override;
  void blockers(const Waiter& waiter, Blockers& out) const override;
  bool blocks_as(SessionId session, std::string_view owner) const override {
    const auto& writer = content.writer;
    return reads(session, owner) ||
           (writer && writer->session == session && writer->owner == owner);
  }
  void holders(std::vector<Holder>& out) const override;
  bool gives_tokens() const override { return true; }
  std::uint64_t last_token() const override { return content.last_token_given; }
  std::size_t bytes() const override { return content.bytes; }
  void deleted(Machine& machine, Object&) override { machine.count_heap(-counted_); }

  bool reads(SessionId session, std::string_view owner) const {
    return content.readers.contains({session, std::string{owner}});
  }
  bool is_free() const { return !content.writer && content.readers.empty(); }
  /// Returns the first reader of a session, or the next one after it.
  Readers::iterator first_of(SessionId session) {
    return content.readers.lower_bound({session, std::string{}});
  }
  /// Erases a reader. The caller calls count_bytes() when it has erased all that it wants to.
  Readers::iterator erase(Readers::iterator reader);
  /// Brings the count of bytes towards the memory cap up to date.
  void count_bytes(Machine& machine);
  std::uint64_t read(Machine& machine, SessionId session, std::string_view owner);
  std::uint64_t write(Machine& machine, SessionId session, std::string_view owner);
  /// Stops tracking the session as a holder, if it holds nothing here any more.
  void untrack(Machine& machine, SessionId session);

  bool breaks = false;  ///< on_owner_death="break"
  ObjectId id;
  Content content;
  WaitQueue waiting;

 private:
  void grant_to(Machine& machine, Waiter& next);

  std::ptrdiff_t counted_ = 0;  // the part of content.bytes that the machine counts
};

void ReadWriteLock::holders(std::vector<Holder>& out) const {
  const std::size_t begin = out.size();
  for (const auto& [owner, reading] : content.readers) {
    out.push_back({owner.first, owner.second, reading.token, reading.since});
  }
  if (const auto& writer = content.writer) {
    out.push_back({writer->session, writer->owner, writer->token, writer->since});
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
            [](const Holder& a, const Holder& b) { return a.token < b.token; });
}

/// Returns the owner's first wait to read in the waiter's queue.
const Waiter& first_read_of(const Waiter& waiter, Blockers& out) {
  const Waiter* first = &waiter;
  for (const Waiter* each = &waiter; each != nullptr; each = each->in_owner.previous) {
    out.step();
    if (each->queue == waiter.queue && each->count == kToRead) first = each;
  }
  return *first;
}

void ReadWriteLock::blockers(const Waiter& waiter, Blockers& out) const {
  Blockers::Visited& visited = out.visited(*this);
  if (!std::exchange(visited.holders, true)) {
    for (const auto& [owner, reading] : content.readers) out.add(owner.first, owner.second);
    if (content.writer) out.add(content.writer->session, content.writer->owner);
  }
  const bool to_read = waiter.count == kToRead;
  if (to_read && !out.first_read(*this)) return;
  // When the owner's first wait to read is granted, its later ones are granted with it, past all
  // waiters between them.
  const Waiter& from = to_read && out.alone() ? first_read_of(waiter, out) : waiter;
  std::uint64_t& end = to_read ? visited.writers : visited.all;
  for (const Waiter* ahead = from.in_queue.previous; ahead != nullptr;
       ahead = ahead->in_queue.previous) {
    if (ahead->serial <= std::max(end, visited.all)) break;
    out.step();
    // A waiter without another wait may be left out. It waits only for the holders and for waiters
    // further ahead, which this one waits for as well, so each cycle through it has a shorter form.
    const bool blocks = !to_read || ahead->count == kToWrite;
    if (blocks && ahead->waits_elsewhere()) out.add(ahead->session, ahead->owner);
  }
  if (const Waiter* last = from.in_queue.previous) end = std::max(end, last->serial);
}

std::function<void()> ReadWriteLock::restorer(Machine& machine) {
  return [this, &machine, before = content] {
    std::vector<Holder> now;
    holders(now);
    for (const Holder& holder : now) machine.sessions().returned(holder.session, id);
    content = before;
    now.clear();
    holders(now);
    for (const Holder& holder : now) machine.sessions().granted(holder.session, id);
    count_bytes(machine);
  };
}

Readers::iterator ReadWriteLock::erase(Readers::iterator reader) {
  content.bytes -= kReaderBytes + reader->first.second.size();
  return content.readers.erase(reader);
}

void ReadWriteLock::count_bytes(Machine& machine) {
  const auto bytes = static_cast<std::ptrdiff_t>(content.bytes);
  machine.count_heap(bytes - std::exchange(counted_, bytes));
}

std::uint64_t ReadWriteLock::read(Machine& machine, SessionId session, std::string_view owner) {
  Reading& reading = content.readers[{session, std::string{owner}}];
  if (reading.count++ == 0) {
    reading.token = ++content.last_token_given;
    reading.since = machine.now();
    machine.sessions().granted(session, id);
    content.bytes += kReaderBytes + owner.size();
    count_bytes(machine);
  }
  return reading.token;
}

std::uint64_t ReadWriteLock::write(Machine& machine, SessionId session, std::string_view owner) {
  content.writer = Grant{session, std::string{owner}, ++content.last_token_given, machine.now()};
  machine.sessions().granted(session, id);
  return content.writer->token;
}

void ReadWriteLock::untrack(Machine& machine, SessionId session) {
  const auto reader = first_of(session);
  const bool still_reads = reader != content.readers.end() && reader->first.first == session;
  const bool still_writes = content.writer && content.writer->session == session;
  if (!still_reads && !still_writes) machine.sessions().returned(session, id);
}

void ReadWriteLock::session_ended(Machine& machine, Object& object, SessionId session) {
  bool held = content.writer && content.writer->session == session;
  if (held) content.writer.reset();
  auto reader = first_of(session);
  while (reader != content.readers.end() && reader->first.first == session) {
    reader = erase(reader);
    held = true;
  }
  count_bytes(machine);
  if (!held) return;
  machine.changed(object, {});
  content.owner_died = content.owner_died || !breaks;
  content.broken = content.broken || breaks;
}

void ReadWriteLock::grant_to(Machine& machine, Waiter& next) {
  machine.changed(*next.object, next.method);
  const std::uint64_t token = next.count == kToRead ? read(machine, next.session, next.owner)
                                                    : write(machine, next.session, next.owner);
  const bool died = std::exchange(content.owner_died, false);
  machine.reply(next, [&](Writer& out) { write_grant(out, token, died); });
}

void ReadWriteLock::serve(Machine& machine, Object& object) {
  while (content.broken && !waiting.empty()) {
    machine.refuse(*waiting.front(), broken_error(object));
  }
  while (!content.writer && !content.broken) {
    Waiter* const next = machine.next_in(waiting);
    if (next == nullptr) return;
    const bool to_read = next->count == kToRead;
    if (!to_read && !content.readers.empty()) return;
    const OwnerRef owner{next->session, next->owner};
    grant_to(machine, *next);
    // This grant may decide further waits of the same owner, which are rare: its reads are granted
    // too, and a wait that now closes a cycle gets Deadlock.
    const auto other = [&] { return machine.waiters().first_of(owner.session, owner.owner); };
    for (Waiter* waiter = to_read ? other() : nullptr; waiter != nullptr;) {
      Waiter& further = *std::exchange(waiter, Waiters::next_of_owner(*waiter));
      if (further.queue != &waiting || further.count != kToRead) continue;
      if (machine.may_serve(further)) grant_to(machine, further);
    }
    if (other() != nullptr) break_cycles(machine, owner);
  }
}

// ---- handlers ------------------------------------------------------------------------------

Outcome acquire(Call& call, ReadWriteLock& lock, std::uint64_t wanted) {
  if (lock.content.broken) {
    return call.fail_here(Errc::owner_died, broken_error(call.object()).message);
  }
  const bool fits = wanted == kToRead ? !lock.content.writer : lock.is_free();
  const bool more = wanted == kToRead && lock.reads(call.session(), call.text(1));
  if (!more && (!fits || !lock.waiting.empty())) {
    return call.wait(lock.waiting, 0, [&](Waiter& waiter) {
      waiter.owner = call.text(1);
      waiter.count = wanted;
    });
  }
  if (!more && call.machine().over_cap(0) && lock.content.readers.size() >= kReadersMin) {
    return fail(call.machine().out_of_memory());
  }
  call.changed();
  const std::uint64_t token = wanted == kToRead
                                  ? lock.read(call.machine(), call.session(), call.text(1))
                                  : lock.write(call.machine(), call.session(), call.text(1));
  Writer out = call.reply();
  write_grant(out, token, std::exchange(lock.content.owner_died, false));
  return Progress::done;
}

Outcome acquire_read(Call& call, ReadWriteLock& lock) { return acquire(call, lock, kToRead); }
Outcome acquire_write(Call& call, ReadWriteLock& lock) { return acquire(call, lock, kToWrite); }

Outcome release_read(Call& call, ReadWriteLock& lock) {
  Readers& readers = lock.content.readers;
  if (readers.empty()) {
    return call.fail_here(Errc::not_locked, call.what() + " is not held to read");
  }
  const auto reader = readers.find({call.session(), std::string{call.text(0)}});
  if (reader == readers.end()) {
    return call.fail_here(Errc::not_owner, call.what() + " is held to read by other owners");
  }
  if (--reader->second.count == 0) {
    lock.erase(reader);
    lock.count_bytes(call.machine());
    lock.untrack(call.machine(), call.session());
  }
  call.changed();
  return Progress::done;
}

Outcome release_write(Call& call, ReadWriteLock& lock) {
  auto& writer = lock.content.writer;
  if (!writer) return call.fail_here(Errc::not_locked, call.what() + " is not held to write");
  if (writer->session != call.session() || writer->owner != call.text(0)) {
    return call.fail_here(Errc::not_owner, call.what() + " is held to write by another owner");
  }
  writer.reset();
  lock.untrack(call.machine(), call.session());
  call.changed();
  return Progress::done;
}

Outcome state(Call& call, ReadWriteLock& lock) {
  std::vector<Holder> holders;
  lock.holders(holders);
  const bool written = lock.content.writer.has_value();
  Writer out = call.reply();
  out.map(3);
  out.text("readers");
  write_holders(out, call.machine(), written ? std::span<const Holder>{} : holders);
  out.text("writer");
  written ? write_holder(out, call.machine(), holders.front()) : out.null();
  out.text("waiting"), out.unsigned_integer(lock.waiting.size());
  return Progress::done;
}

Outcome reset(Call& call, ReadWriteLock& lock) {
  if (lock.content.broken) call.changed();
  lock.content.broken = false;
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto lock = std::make_unique<ReadWriteLock>();
  lock->id = creation.id;
  lock->content.last_token_given = creation.machine.token_floor();
  auto breaks = breaks_on_death(creation.options[0]);
  if (!breaks) return breaks.failure();
  lock->breaks = *breaks;
  return lock;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto lock = std::make_unique<ReadWriteLock>();
  lock->id = creation.id;
  Reader reader{saved};
  read(reader);
  lock->content.last_token_given = read(reader).natural;
  for (bool* flag : {&lock->breaks, &lock->content.broken}) *flag = read(reader).boolean;
  return lock;
}

constexpr std::string_view kAcquireCost =
    "O(log n) in the readers, plus the deadlock detection: O(connected waits)";

constexpr Method kMethods[] = {
    {.name = "acquire_read",
     .parameters = {kTimeout, kOwner},
     .result = kGrantResult,
     .errors = {Errc::deadlock, Errc::owner_died},
     .access = Access::write,
     .timed_out = TimedOut::null,
     .cost = kAcquireCost,
     .doc = "Acquires the lock together with other readers, or waits at the end of the queue. "
            "An owner that reads already gets it at once, under the same token, and must "
            "release it as often. An owner that writes gets Deadlock, as do owners that wait "
            "in a cycle.",
     .if_reply_lost = retry::kGrant,
     .handler = on<&acquire_read>},
    {.name = "acquire_write",
     .parameters = {kTimeout, kOwner},
     .result = kGrantResult,
     .errors = {Errc::deadlock, Errc::owner_died},
     .access = Access::write,
     .timed_out = TimedOut::null,
     .cost = kAcquireCost,
     .doc = "Acquires the lock exclusively, or waits for it in FIFO order. An owner that "
            "reads or writes already gets Deadlock, as do owners that wait in a cycle.",
     .if_reply_lost = retry::kGrant,
     .handler = on<&acquire_write>},
    {.name = "release_read",
     .parameters = {kOwner},
     .result = "null",
     .errors = {Errc::not_owner, Errc::not_locked},
     .access = Access::write,
     .cost = "O(log n) in the readers",
     .doc = "Releases one acquire_read of that owner.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&release_read>},
    {.name = "release_write",
     .parameters = {kOwner},
     .result = "null",
     .errors = {Errc::not_owner, Errc::not_locked},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Passes the lock to the next in the queue: one writer, or all readers up to the next "
            "writer.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&release_write>},
    {.name = "state",
     .result = "{readers: [{session, host, pid, owner, token, since}], writer: the same or null, "
               "waiting: int}",
     .cost = "O(readers)",
     .doc = "Returns the readers, the writer, and the number of waiting calls.",
     .if_reply_lost = retry::kRead,
     .handler = on<&state>},
    {.name = "reset",
     .result = "null",
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Recovers a lock that broke when an owner died. Does nothing to a lock that is not "
            "broken.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&reset>},
};
static_assert(check_table(kMethods));

constexpr Parameter kOptions[] = {kOnOwnerDeath};

}  // namespace

const ObjectType& rwlock_type() {
  static constexpr ObjectType kType{.name = "rwlock",
                                    .doc =
                                        "A readers-writer lock: many readers or one writer; "
                                        "waiting writers go before new readers.",
                                    .options = kOptions,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
