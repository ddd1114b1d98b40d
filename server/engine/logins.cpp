// SPDX-License-Identifier: MIT

#include "server/engine/logins.hpp"

namespace agora {

ClientAccess Logins::begin(const Peer& peer) {
  ClientAccess access{peer.role, peer.identity, nullptr, {}};
  if (port_ != nullptr) access.login = port_->begin(peer);
  return access;
}

void Logins::take(Batch& batch, ClientAccess* access) {
  if (port_ == nullptr || access == nullptr || access->login == nullptr) return;
  const Instant now = clock_.now();
  const Command command = batch.commands.back();
  LoginVerdict verdict = port_->verify(batch, command, *access, now, now + clock_.wall_ahead());
  batch.commands.pop_back();
  if (verdict.delay <= Duration::zero()) {
    return apply(batch, command, std::move(verdict.result), verdict.close, *access);
  }
  delayed_.emplace(now + verdict.delay,
                   Delayed{command, std::move(verdict.result), verdict.close, access});
  unannounced_ = true;
}

void Logins::apply(Batch& batch, const Command& command, LoginResult result, bool close,
                   ClientAccess& access) {
  const IdentityPointer identity = result.identity;
  batch.logins.push_back(std::move(result));
  Command& applied = batch.commands.emplace_back(command);
  applied.first = 0;
  applied.count = 0;
  applied.peer = static_cast<std::uint32_t>(batch.logins.size());
  if (identity) {
    access.role = identity->role;
    access.identity = identity;
    outbox_.logged_in(command.link);
  }
  if (!close) return;
  Command& end = batch.commands.emplace_back();
  end.kind = Command::Kind::link_closed;
  end.link = command.link;
}

void Logins::announce() {
  if (!std::exchange(unannounced_, false)) return;
  const Effects none;
  for (auto& [when, delayed] : delayed_) {
    if (std::exchange(delayed.announced, true)) continue;
    Effect parked;
    parked.kind = Effect::Kind::parked;
    parked.link = delayed.command.link;
    parked.tag = delayed.command.tag;
    outbox_.deliver(parked, none);
  }
}

void Logins::release(Instant now, Batch& batch) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    Delayed delayed = std::move(delayed_.begin()->second);
    delayed_.erase(delayed_.begin());
    apply(batch, delayed.command, std::move(delayed.result), delayed.close, *delayed.access);
  }
}

std::optional<Instant> Logins::next_deadline() const {
  if (delayed_.empty()) return std::nullopt;
  return delayed_.begin()->first;
}

void Logins::forget(const ClientAccess& access) {
  std::erase_if(delayed_, [&](const auto& each) { return each.second.access == &access; });
}

}  // namespace agora
