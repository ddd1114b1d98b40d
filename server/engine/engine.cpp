// SPDX-License-Identifier: MIT

#include "server/engine/engine.hpp"

namespace agora {

Engine::Engine(Machine& machine, Clock& clock, Journal& journal, Outbox& outbox)
    : machine_(machine),
      clock_(clock),
      journal_(journal),
      outbox_(outbox),
      admission_(machine.catalogue(), machine.limits()),
      deadline_(machine.next_deadline()) {}

Batch& Engine::batch() {
  if (gathering_ == nullptr) {
    gathering_ = spare_ != nullptr ? std::move(spare_) : std::make_unique<Batch>();
    gathering_->now = clock_.now();
    // Expired deadlines come before the calls of the batch: a waiter whose time is up must not be
    // served by a later call.
    if (deadline_ && *deadline_ <= gathering_->now) gathering_->commands.emplace_back();
  }
  return *gathering_;
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

void Engine::close(LinkId link) { command(Command::Kind::link_closed, link); }

void Engine::process_exited(SessionId session) {
  command(Command::Kind::process_exited, {}).session = session;
}

void Engine::process_drained(SessionId session) {
  command(Command::Kind::process_drained, {}).session = session;
}

void Engine::not_mapped(SessionId session) {
  command(Command::Kind::not_mapped, {}).session = session;
}

Expected<void> Engine::call(const CallRequest& request) {
  auto taken = admission_.admit(request, batch());
  if (!taken) heartbeat(request.link);
  return taken;
}

void Engine::cancel(LinkId link, std::uint64_t tag) {
  command(Command::Kind::cancel, link).tag = tag;
}

void Engine::heartbeat(LinkId link) { command(Command::Kind::heartbeat, link); }

void Engine::progress(LinkId link, std::size_t bytes) {
  command(Command::Kind::progress, link).number = bytes;
}

void Engine::turn() {
  if (turning_) return;
  turning_ = true;
  const bool due = gathering_ == nullptr && deadline_ && *deadline_ <= clock_.now();
  if (due) static_cast<void>(batch());
  do {
    if (gathering_ != nullptr) journal_.append(std::move(gathering_));
    while (std::unique_ptr<Batch> committed = journal_.committed()) apply(std::move(committed));
  } while (gathering_ != nullptr);  // a reply may have admitted a queued call
  turning_ = false;
}

void Engine::apply(std::unique_ptr<Batch> committed) {
  machine_.apply(*committed, effects_);
  deadline_ = machine_.next_deadline();
  for (const Effect& effect : effects_.list) outbox_.deliver(effect, effects_);
  effects_.clear();
  for (RawBytes& message : committed->buffers) spare_buffers_.keep(std::move(message));
  committed->clear();
  // After a large value, release the memory beyond what the usual turn needs.
  if (committed->bytes.capacity() > kSpareBytesMax) committed->bytes = {};
  if (effects_.bytes.capacity() > kSpareBytesMax) effects_.bytes = {};
  if (effects_.results.capacity() > kSpareBytesMax) effects_.results = {};
  spare_ = std::move(committed);
}

}  // namespace agora
