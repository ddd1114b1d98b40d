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

LateReply undo(const Method& method, PackedView name, std::uint64_t argument) {
  LateReply late{&method, params_of(argument), false};
  late.params.bytes.insert(0, name.bytes());
  ++late.params.count;
  return late;
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
    return undo(methods::semaphore_release, name, permits_of(reader.value()));
  }
  if (call.method == methods::queue_reserve.name) {
    auto members = unpack<std::map<std::string, any>>(result);
    if (!members) return {nullptr, {}, true};
    const auto id = (*members)["id"].get<std::uint64_t>();
    if (!id) return {nullptr, {}, true};
    return undo(methods::queue_requeue, name, *id);
  }
  return {};
}

}  // namespace agora::detail
