#include "client/src/session/late_reply.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "shared/value/any.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora::detail {
namespace {

LateReply undo(std::string_view method, PackedView name, std::uint64_t argument) {
  LateReply late{method, params_of(argument), false};
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

bool hands_out(std::string_view method) {
  return method == "queue.get" || method == "queue.get_many";
}

LateReply late_reply(const Call& call, PackedView result) {
  if (hands_out(call.method)) return {{}, {}, true};
  Reader reader(call.params);
  const PackedView name = reader.value();
  if (call.method == "semaphore.acquire") {
    const auto granted = unpack<bool>(result);
    if (!granted || !*granted) return {};
    return undo("semaphore.release", name, permits_of(reader.value()));
  }
  if (call.method == "queue.reserve") {
    auto members = unpack<std::map<std::string, any>>(result);
    if (!members) return {{}, {}, true};
    const auto id = (*members)["id"].get<std::uint64_t>();
    if (!id) return {{}, {}, true};
    return undo("queue.requeue", name, *id);
  }
  return {};
}

}  // namespace agora::detail
