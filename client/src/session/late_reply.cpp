// SPDX-License-Identifier: MIT

#include "client/src/session/late_reply.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include <agora/detail/methods.hpp>

#include "shared/value/any.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora::detail {
namespace {

LateReply give_back_permits(PackedView name, std::uint64_t permits) {
  LateReply late{&methods::semaphore_release, params_of(permits), false};
  late.params.bytes.insert(0, name.bytes());
  ++late.params.count;
  return late;
}

/// The delivery does not count: no worker has seen the item.
LateReply requeue(const any& name, std::uint64_t id) {
  constexpr bool kCounts = false;
  return {&methods::queue_requeue, params_of(name, id, 0, kCounts), false};
}

std::uint64_t permits_of(PackedView argument) {
  if (!argument.present()) return 1;
  const auto permits = unpack<std::uint64_t>(argument);
  return permits ? *permits : 1;
}

}  // namespace

LateReply late_reply(const Call& call, PackedView result) {
  if (call.redelivers) return {nullptr, {}, true};
  Reader reader(call.params);
  const PackedView name = reader.value();
  if (call.method == methods::semaphore_acquire.name) {
    const auto granted = unpack<bool>(result);
    if (!granted || !*granted) return {};
    return give_back_permits(name, permits_of(reader.value()));
  }
  const bool any_queue = call.method == methods::queue_reserve_any.name;
  if (any_queue || call.method == methods::queue_reserve.name) {
    auto members = unpack<std::map<std::string, any>>(result);
    if (!members) return {};
    const auto id = (*members)["id"].get<std::uint64_t>();
    auto queue = any_queue ? Expected<any>((*members)["queue"]) : unpack<any>(name);
    if (!id || !queue) return {};
    return requeue(*queue, *id);
  }
  return {};
}

bool can_go_back(const Call& call) {
  return call.redelivers || !call.undo_method.empty() ||
         call.method == methods::semaphore_acquire.name ||
         call.method == methods::queue_reserve.name ||
         call.method == methods::queue_reserve_any.name;
}

}  // namespace agora::detail
