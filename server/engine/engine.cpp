#include "server/engine/engine.hpp"

namespace agora {
namespace {

constexpr std::size_t kSpareBytesMax = std::size_t{1} << 20;

}  // namespace

Engine::Engine(Machine& machine, Clock& clock, Journal& journal, Outbox& outbox)
    : machine_(machine),
      clock_(clock),
      journal_(journal),
      outbox_(outbox),
      admission_(machine.catalogue(), machine.limits()) {}

Batch& Engine::batch() {
  if (gathering_ == nullptr) {
    gathering_ = spare_ != nullptr ? std::move(spare_) : std::make_unique<Batch>();
    gathering_->now = clock_.now();
    // What is due comes before what has just arrived: a waiter whose time is up must not be
    // served by a later call.
    const auto deadline = machine_.next_deadline();
    if (deadline && *deadline <= gathering_->now) gathering_->commands.emplace_back();
  }
  return *gathering_;
}

SessionId Engine::open(Peer peer) {
  Batch& into = batch();
  Command command;
  command.kind = Command::Kind::session_opened;
  command.session = SessionId{++last_session_};
  command.peer = static_cast<std::uint32_t>(into.peers.size());
  into.peers.push_back(std::move(peer));
  into.commands.push_back(command);
  return command.session;
}

void Engine::end(SessionId session) {
  Command command;
  command.kind = Command::Kind::session_ended;
  command.session = session;
  batch().commands.push_back(command);
}

Expected<void> Engine::call(const CallRequest& request) {
  return admission_.admit(request, batch());
}

void Engine::cancel(SessionId session, std::uint64_t tag) {
  Command command;
  command.kind = Command::Kind::cancel;
  command.session = session;
  command.tag = tag;
  batch().commands.push_back(command);
}

void Engine::turn() {
  if (turning_) return;
  turning_ = true;
  if (gathering_ == nullptr) {
    const auto deadline = machine_.next_deadline();
    if (deadline && *deadline <= clock_.now()) static_cast<void>(batch());
  }
  do {
    if (gathering_ != nullptr) journal_.append(std::move(gathering_));
    while (std::unique_ptr<Batch> committed = journal_.committed()) apply(std::move(committed));
  } while (gathering_ != nullptr);  // an answer may have let a held-back call in
  turning_ = false;
}

void Engine::apply(std::unique_ptr<Batch> committed) {
  machine_.apply(*committed, effects_);
  for (const Effect& effect : effects_.list) outbox_.deliver(effect, effects_);
  effects_.clear();
  committed->clear();
  // A batch that a large value made large gives its memory back.
  if (committed->bytes.capacity() > kSpareBytesMax) committed->bytes = {};
  if (effects_.bytes.capacity() > kSpareBytesMax) effects_.bytes = {};
  spare_ = std::move(committed);
}

}  // namespace agora
