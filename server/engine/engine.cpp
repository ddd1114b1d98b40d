// SPDX-License-Identifier: MIT

#include "server/engine/engine.hpp"

#include <algorithm>

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
    gathering_->now = clock_.now();
    if (gathering_->now >= wall_read_again_) read_wall_clock(gathering_->now);
    gathering_->wall_ahead = wall_ahead_;
    gathering_->memory_short = outbox_.memory_short();
    // Expired deadlines come before the calls of the batch: a waiter whose time is up must not be
    // served by a later call.
    if (deadline_ && *deadline_ <= gathering_->now) gathering_->commands.emplace_back();
  }
  return *gathering_;
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
  command(Command::Kind::link_closed, link);
}

void Engine::process_exited(SessionId session) {
  command(Command::Kind::process_exited, {}).session = session;
}

void Engine::process_drained(SessionId session) {
  command(Command::Kind::process_drained, {}).session = session;
}

void Engine::not_mapped(SessionId session) {
  command(Command::Kind::not_mapped, {}).session = session;
}

void Engine::server_ending() { command(Command::Kind::server_ending, {}); }

Expected<void> Engine::call(const CallRequest& request) {
  auto taken = admission_.admit(request, batch());
  if (taken) return taken;
  bound_error(taken.error());
  heartbeat(request.link);
  return taken;
}

void Engine::cancel(LinkId link, std::uint64_t tag) {
  command(Command::Kind::cancel, link).tag = tag;
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
    if (gathering_ != nullptr) journal_.append(std::move(gathering_));
    while (std::unique_ptr<Batch> committed = journal_.committed()) apply(std::move(committed));
  } while (gathering_ != nullptr);  // a reply may have admitted a queued call
}

void Engine::apply(std::unique_ptr<Batch> committed) {
  for (std::size_t next = 0; machine_.apply_some(*committed, next, effects_);) deliver(*committed);
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
}

void Engine::take_postponed(LinkId link) {
  const auto found = postponed_.find(link);
  if (found == postponed_.end()) return;
  const Batch taken = std::move(found->second);
  postponed_.erase(found);
  Batch& into = batch();
  for (const Command& command : taken.commands) append(into, taken, command);
}

}  // namespace agora
