// SPDX-License-Identifier: MIT

#include "server/engine/engine.hpp"

#include <algorithm>
#include <utility>

#include "server/engine/work_estimate.hpp"
#include "shared/value/error_text.hpp"

namespace agora {

namespace {

/// Returns the most that spare buffers may hold: a part of the cap, so that both stay within the
/// memory of a small container.
std::size_t spare_bytes_max(const Limits& limits) {
  constexpr std::size_t kMost = std::size_t{256} << 20;
  const std::size_t cap = limits.memory_bytes_max;
  return cap == 0 ? kMost : std::min(kMost, cap / 16);
}

}  // namespace

Engine::Engine(Machine& machine, Clock& clock, Journal& journal, Outbox& outbox)
    : machine_(machine),
      clock_(clock),
      journal_(journal),
      outbox_(outbox),
      logins_(clock, outbox),
      admission_(machine.catalogue(), machine.limits(), logins_),
      deadline_(machine.next_deadline()),
      spare_buffers_(spare_bytes_max(machine.limits())) {}

Batch& Engine::batch() {
  if (gathering_ == nullptr) {
    gathering_ = spare_ != nullptr ? std::move(spare_) : std::make_unique<Batch>();
    begin(*gathering_);
  }
  return *gathering_;
}

/// Sets the time of a batch.
void Engine::begin(Batch& batch) {
  batch.now = clock_.now();
  if (batch.now >= wall_read_again_) read_wall_clock(batch.now);
  batch.wall_ahead = wall_ahead_;
  batch.memory_short = outbox_.memory_short();
  // Expired deadlines come before the calls of the batch: a waiter whose time is up must not be
  // served by a later call.
  if (deadline_ && *deadline_ <= batch.now) batch.commands.emplace(batch.commands.begin());
}

/// Reads the wall clock, which costs a batch more than it is worth, and sets the time from which on
/// it is read again.
void Engine::read_wall_clock(Instant now) {
  constexpr Duration kPause = std::chrono::milliseconds{10};
  wall_ahead_ = clock_.wall_ahead();
  wall_read_again_ = now + kPause;
}

Command& Engine::command(Command::Kind kind, LinkId link) {
  Command& made = batch().commands.emplace_back();
  made.kind = kind;
  made.link = link;
  return made;
}

LinkId Engine::open(Peer peer) {
  const LinkId link{++last_link_};
  Batch& into = batch();
  command(Command::Kind::link_opened, link).peer = static_cast<std::uint32_t>(into.peers.size());
  into.peers.push_back(std::move(peer));
  return link;
}

void Engine::close(LinkId link) {
  take_postponed(link);
  deferred_.unblock(link);
  command(Command::Kind::link_closed, link);
  if (defers(link)) defer();
}

void Engine::process_exited(SessionId session) {
  command(Command::Kind::process_exited, {}).session = session;
}

void Engine::process_drained(SessionId session, LinkId link) {
  command(Command::Kind::process_drained, link).session = session;
  if (defers(link)) defer();
}

void Engine::not_mapped(SessionId session) {
  command(Command::Kind::not_mapped, {}).session = session;
}

void Engine::server_ending() {
  turn();
  // The calls that were received run, whether or not their clients read the replies.
  while (!deferred_.empty() || !postponed_.empty()) {
    while (!postponed_.empty()) take_postponed(postponed_.begin()->first);
    deferred_.unblock_all();
    turn();
    if (!deferred_.idle()) run_next_deferred();
  }
  command(Command::Kind::server_ending, {});
}

Expected<void> Engine::call(const CallRequest& request) {
  Batch& into = batch();
  const std::size_t before = into.commands.size();
  auto taken = admission_.admit(request, into);
  if (!taken) {
    bound_error(taken.error());
    heartbeat(request.link);
  } else if (into.commands.size() > before) {
    const bool may_be_expensive = into.commands.back().method.scales || machine_.searches_long();
    if (may_be_expensive || defers(request.link)) [[unlikely]]
      schedule();
  }
  return taken;
}

/// Decides whether the call just admitted stays in the batch that is gathered, or is deferred.
void Engine::schedule() {
  const Command& admitted = gathering_->commands.back();
  if (!defers(admitted.link)) {
    // A search for deadlocks may be long, but only calls that may wait begin one.
    if (!admitted.method.scales && !admitted.method.method->waits()) return;
    const std::size_t most = limits().turn_work_max;
    const std::size_t units = estimated_work(machine_, *gathering_, admitted, most);
    gathered_work_ += units;
    if (gathered_work_ <= most) return;
    gathered_work_ -= units;
    // A deferred call keeps the memory of its message.
    if (deferred_.bytes() > limits().frame_bytes_max) return;
  }
  heartbeat(admitted.link);
  std::swap(gathering_->commands.back(), gathering_->commands[gathering_->commands.size() - 2]);
  defer();
}

/// Moves the last command of the batch that is gathered to the line of its link.
void Engine::defer() { deferred_.take_last(*gathering_); }

void Engine::cancel(LinkId link, std::uint64_t tag) {
  command(Command::Kind::cancel, link).tag = tag;
  if (defers(link)) defer();
}

void Engine::heartbeat(LinkId link) { command(Command::Kind::heartbeat, link); }

void Engine::progress(LinkId link, std::size_t bytes) {
  command(Command::Kind::progress, link).number = bytes;
}

std::optional<Instant> Engine::next_deadline() const {
  const std::optional<Instant> login = logins_.next_deadline();
  return login && (!deadline_ || *login < *deadline_) ? login : deadline_;
}

/// Returns true if a deadline has passed that no batch takes account of yet.
bool Engine::has_due_work() {
  const std::optional<Instant> login = logins_.next_deadline();
  if (!login) {
    return gathering_ == nullptr && deadline_ && *deadline_ <= clock_.now();
  }
  const Instant now = clock_.now();
  return *login <= now || (gathering_ == nullptr && deadline_ && *deadline_ <= now);
}

bool Engine::give_back_memory() {
  const bool had_spares = !spare_buffers_.empty();
  spare_buffers_.release_unused();
  return machine_.give_back_memory() || (had_spares && spare_buffers_.empty());
}

void Engine::turn() {
  if (turning_) return;
  turning_ = true;
  const Turning until_the_end{*this};  // also if there is no memory for an effect
  if (has_due_work()) logins_.release(clock_.now(), batch());
  logins_.announce();
  do {
    if (gathering_ != nullptr) {
      if (!deferred_.empty()) note_others();
      journal_.append(std::move(gathering_));
    }
    gathered_work_ = 0;
    while (std::unique_ptr<Batch> committed = journal_.committed()) apply(std::move(committed));
  } while (gathering_ != nullptr);  // a reply may have admitted a queued call
}

void Engine::run_deferred() {
  others_called_ = false;
  const std::size_t most = limits().turn_work_max;
  // One in each pass, however much its cheap calls have cost.
  while (!deferred_.idle() && (pass_work_ < most || !pass_ran_one_)) {
    if (const LinkId link = deferred_.next_link(); !outbox_.has_room(link)) {
      deferred_.block(link);
      continue;
    }
    pass_ran_one_ = true;
    run_next_deferred();
  }
}

/// Orders and applies the oldest command of the link whose turn it is.
void Engine::run_next_deferred() {
  const LinkId link = deferred_.next_link();
  std::unique_ptr<Batch> batch = deferred_.pop();
  begin(*batch);
  journal_.append(std::move(batch));
  if (!deferred_.holds(link)) outbox_.caught_up(link);
  turn();
}

/// Notes whether the batch that is gathered has calls of links that have no deferred ones.
void Engine::note_others() {
  for (const Command& command : gathering_->commands) {
    const bool other = command.kind == Command::Kind::call && !deferred_.holds(command.link);
    others_called_ = others_called_ || other;
  }
}

void Engine::apply(std::unique_ptr<Batch> committed) {
  const std::uint64_t before = machine_.work();
  for (std::size_t next = 0; machine_.apply_some(*committed, next, effects_);) deliver(*committed);
  pass_work_ += static_cast<std::size_t>(machine_.work() - before);
  deadline_ = machine_.next_deadline();
  deliver(*committed);
  for (RawBytes& message : committed->buffers) spare_buffers_.keep(std::move(message));
  committed->clear();
  // After a large value, release the memory beyond what the usual turn needs.
  if (committed->bytes.capacity() > kSpareBytesMax) committed->bytes = {};
  spare_ = std::move(committed);
}

/// Delivers the effects of a part of the batch.
void Engine::deliver(const Batch& batch) {
  for (const Effect& effect : effects_.list) {
    if (effect.kind == Effect::Kind::postponed) postpone(batch, batch.commands[effect.offset]);
    outbox_.deliver(effect, effects_);
  }
  effects_.clear();
  if (effects_.bytes.capacity() > kSpareBytesMax) effects_.bytes = {};
  if (effects_.results.capacity() > kSpareBytesMax) effects_.results = {};
}

namespace {

/// Appends a command of another batch, with a copy of its arguments.
void append(Batch& batch, const Batch& from, Command command) {
  const std::size_t first = batch.arguments.size();
  const std::size_t count = command.count + (command.guard != 0 ? 1U : 0U);
  for (std::size_t i = 0; i < count; ++i) {
    const PackedView value = from.argument(command.first + i);
    batch.arguments.push_back({batch.bytes.size(), value.size()});
    batch.bytes += value.bytes();
  }
  if (command.guard != 0) command.guard = static_cast<std::uint32_t>(first + count);
  command.first = static_cast<std::uint32_t>(first);
  batch.commands.push_back(command);
}

}  // namespace

void Engine::postpone(const Batch& batch, const Command& command) {
  append(postponed_[command.link], batch, command);
  deferred_.block(command.link);  // which were received later
}

void Engine::take_postponed(LinkId link) {
  const auto found = postponed_.find(link);
  if (found == postponed_.end()) return;
  const Batch taken = std::move(found->second);
  postponed_.erase(found);
  deferred_.unblock(link);
  Batch& into = batch();
  for (const Command& command : taken.commands) append(into, taken, command);
}

}  // namespace agora
