// SPDX-License-Identifier: MIT

#include "server/objects/containers/dict_state.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "server/core/methods/scalar.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

/// Entries of an ended session, or due entries, that are removed in one step. The next ones follow
/// after the commands that have arrived meanwhile.
constexpr std::size_t kSliceEntries = 2'000;
constexpr Duration kNextStep = std::chrono::nanoseconds{1};

/// The leases of a cleared dict, to be freed in slices.
class ClearedLeases : public State {
 public:
  ClearedLeases(Machine& machine, std::unique_ptr<EntryLeases> leases)
      : machine_(machine), leases_(std::move(leases)) {}
  ~ClearedLeases() override {
    if (leases_) machine_.count_heap(-bytes_of(leases_->size()));
  }
  void save(Writer& out) const override { out.null(); }
  Outcome plain(Call&, Writer& out) const override {
    out.null();
    return Progress::done;
  }
  bool release_some(Machine&, std::size_t elements) override {
    const std::size_t before = leases_->size();
    const bool all = leases_->release_some(elements);
    machine_.count_heap(-bytes_of(before - leases_->size()));
    return all;
  }
  std::unique_ptr<EntryLeases> take() { return std::move(leases_); }

  static std::ptrdiff_t bytes_of(std::size_t leases) {
    return static_cast<std::ptrdiff_t>(leases * EntryLeases::kBytes);
  }

 private:
  Machine& machine_;
  std::unique_ptr<EntryLeases> leases_;
};

}  // namespace

Dict::~Dict() {
  if (leases_) machine().count_heap(-ClearedLeases::bytes_of(leases_->size()));
}

void Dict::save(Writer& out) const {
  out.list(2);
  TableState::save(out);
  out.list(leases_ ? static_cast<std::uint32_t>(leases_->size()) : 0);
  if (!leases_) return;
  leases_->each([&](std::uint64_t number, const EntryLease& lease) {
    out.list(3);
    out.unsigned_integer(number);
    lease.until ? out.integer(lease.until->time_since_epoch().count()) : out.null();
    out.unsigned_integer(lease.session.number);
  });
}

Expected<void> Dict::restore(PackedView saved) {
  Reader reader{saved};
  read(reader);
  if (auto ok = TableState::restore(reader.value()); !ok) return ok;
  for (std::uint32_t left = read(reader).count; left > 0; --left) {
    read(reader);
    const std::uint64_t number = read(reader).natural;
    EntryLease lease;
    const Token until = read(reader);
    if (until.kind != Kind::null) lease.until = Instant{Duration{until.integer}};
    lease.session = SessionId{read(reader).natural};
    const Handle entry = table().entry_with(number);
    if (lease.session && machine().sessions().find(lease.session) == nullptr) {
      erase(entry);
    } else {
      change_lease(entry, lease);
    }
  }
  return {};
}

bool Dict::release_some(Machine& machine, std::size_t elements) {
  if (leases_) {
    const std::size_t before = leases_->size();
    const bool all = leases_->release_some(elements);
    machine.count_heap(-ClearedLeases::bytes_of(before - leases_->size()));
    if (!all) return false;
    leases_.reset();
  }
  return TableState::release_some(machine, elements);
}

void Dict::waiter_left(Machine&, Object&, Waiter& waiter) {
  const auto queue = awaited.find(waiter.key.bytes());
  if (queue != awaited.end() && queue->second.empty()) awaited.erase(queue);
}

/// Replies to the waiters for new keys with their values.
void Dict::serve(Machine& machine, Object&) {
  for (const std::string& key : std::exchange(woken, {})) {
    const auto queue = awaited.find(key);
    const Handle entry = table().find(key);
    if (queue == awaited.end() || !entry) continue;
    auto node = awaited.extract(queue);
    const std::optional<BlobRef> large = table().pin(entry);
    while (Waiter* waiter = machine.next_in(node.mapped())) {
      machine.reply_value(*waiter, large, table().value(entry));
    }
  }
}

void Dict::session_ended(Machine& machine, Object& object, SessionId session) {
  if (!leases_) return;
  leases_->session_ended(session);
  for (std::size_t left = kSliceEntries; left > 0; --left) {
    const auto orphan = leases_->orphan();
    if (!orphan) return;
    remove(object, *orphan, "session.close");
  }
  set_alarm(object, machine.now() + kNextStep);
}

void Dict::alarm(Machine& machine, Object& object) {
  if (!leases_) return;
  for (std::size_t left = kSliceEntries; left > 0; --left) {
    if (const auto orphan = leases_->orphan()) {
      remove(object, *orphan, "session.close");
    } else if (const auto due = leases_->due(machine.now())) {
      remove(object, *due, "dict.expire");
    } else {
      break;
    }
  }
  set_alarm(object, machine.now() + kNextStep);
}

void Dict::deleted(Machine&, Object&) {
  if (leases_) count_sessions(*leases_, false);
}

/// Removes the entry with that number, whose end has come.
void Dict::remove(Object& object, std::uint64_t number, std::string_view cause) {
  const Handle entry = table().entry_with(number);
  const Packed key = object.watched ? Packed{table().key(entry)} : Packed{};
  erase(entry);
  machine().changed_by(object, cause, object.watched ? key.view() : PackedView{});
}

void Dict::erase(Handle entry) {
  if (leases_) end_lease(entry);
  TableState::erase(entry);
}

void Dict::clear() {
  TableState::clear();
  if (!leases_) return;
  count_sessions(*leases_, false);
  auto cleared = std::make_unique<ClearedLeases>(machine(), std::move(leases_));
  machine().undo([this, kept = cleared.get()] {
    leases_ = kept->take();
    count_sessions(*leases_, true);
  });
  machine().reclaim_later(std::move(cleared));
}

EntryLease Dict::lease(Handle entry) const {
  return leases_ ? leases_->of(table().sequence(entry)) : EntryLease{};
}

void Dict::set_lease(Object& object, Handle entry, const EntryLease& lease) {
  change_lease(entry, lease);
  if (lease.until) set_alarm(object, machine().now());
}

void Dict::end_lease(Handle entry) { change_lease(entry, {}); }

void Dict::change_lease(Handle entry, const EntryLease& lease) {
  if (!leases_) {
    if (!lease) return;
    leases_ = std::make_unique<EntryLeases>();
  }
  const std::uint64_t number = table().sequence(entry);
  const EntryLease before = leases_->of(number);
  if (!lease && !before) return;
  apply(number, lease);
  machine().undo([this, number, before] { apply(number, before); });
}

void Dict::apply(std::uint64_t number, const EntryLease& lease) {
  const EntryLease before = leases_->of(number);
  const std::size_t size = leases_->size();
  leases_->set(number, lease);
  machine().count_heap(ClearedLeases::bytes_of(leases_->size()) - ClearedLeases::bytes_of(size));
  Sessions& sessions = machine().sessions();
  if (lease.session) sessions.granted(lease.session, id_);
  if (before.session && !leases_->has(before.session)) sessions.returned(before.session, id_);
}

/// Has Dict::alarm called at the earliest end of an entry, but not before `earliest`.
void Dict::set_alarm(Object& object, Instant earliest) {
  std::optional<Instant> next = leases_->next_time();
  if (leases_->orphan()) next = earliest;
  if (next) next = std::max(*next, earliest);
  machine().set_alarm(object, next);
}

/// Notes that the sessions of all leases have ephemeral entries here, or none any more.
void Dict::count_sessions(const EntryLeases& leases, bool granted) {
  Sessions& sessions = machine().sessions();
  leases.each_session([&](SessionId session) {
    granted ? sessions.granted(session, id_) : sessions.returned(session, id_);
  });
}

}  // namespace agora
