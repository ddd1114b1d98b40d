#include "client/src/call_table.hpp"

#include <utility>

namespace agora::client {

std::uint32_t CallTable::open(Slot& slot) {
  do {
    ++last_;
  } while (!calls_.try_emplace(last_, Entry{&slot, {}}).second);
  return last_;
}

void CallTable::abandon(std::uint32_t id) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  Entry& entry = found->second;
  const Call& call = entry.slot->call;
  if (!call.undo_method.empty()) {
    begin_msgpack_notification(call.undo_method, call.undo_count, entry.undo);
    entry.undo += call.undo_params;
  }
  entry.slot = nullptr;
}

CallTable::Deal CallTable::deal(ServerMessage& reply) {
  const auto found = calls_.find(reply.id);
  if (found == calls_.end()) return {};
  Entry entry = std::move(found->second);
  calls_.erase(found);
  if (entry.slot == nullptr) {
    const bool granted = reply.ok() && !reply.result.is_null();
    return {Dealt::dropped, nullptr, granted ? std::move(entry.undo) : std::string()};
  }
  if (reply.ok()) {
    entry.slot->result = Packed(reply.result);
  } else {
    entry.slot->error = std::move(reply.error);
  }
  entry.slot->done = true;
  return {Dealt::delivered, entry.slot, {}};
}

void CallTable::fail_all(const std::string& reason) {
  for (auto& [id, entry] : calls_) {
    if (entry.slot == nullptr) continue;
    Slot& slot = *entry.slot;
    const bool maybe = slot.sent && slot.call.effect == Effect::changes;
    slot.error = std::make_unique<Error>(Error{Errc::unavailable,
                                               std::string(slot.call.method) + ": " + reason,
                                               maybe ? Done::unknown : Done::no,
                                               {}});
    slot.done = true;
    slot.wake.notify_one();
  }
  calls_.clear();
}

Slot* CallTable::parked() {
  for (auto& [id, entry] : calls_) {
    if (entry.slot != nullptr && entry.slot->parked) return entry.slot;
  }
  return nullptr;
}

}  // namespace agora::client
