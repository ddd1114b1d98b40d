// SPDX-License-Identifier: MIT

#include "server/objects/messaging/queue_any.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/machine/creation.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/messaging/queue_state.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

constexpr std::size_t kQueuesMax = 64;  // each costs a place in line while the call waits

constexpr std::size_t kTimeoutAt = 1;  // the index of the parameter
constexpr std::size_t kLeaseAt = 2;

Queue& queue_of(Object& object) { return static_cast<Queue&>(*object.state); }

/// Returns the object with that name, which must be a queue.
Expected<Object*> named_queue(Call& call, PackedView name, std::size_t index) {
  if (name.kind() != Kind::text && name.kind() != Kind::reference) {
    return fail(Errc::invalid_params, "parameter names of " + full_name(call.method()) +
                                          ": expected names or references, got " + describe(name) +
                                          " at index " + std::to_string(index));
  }
  const std::string_view text = text_of(name);
  if (const std::size_t most = call.machine().limits().name_bytes_max; text.size() > most) {
    return fail(Errc::value_error, "a name has at most " + std::to_string(most) + " bytes, got " +
                                       std::to_string(text.size()) + " at index " +
                                       std::to_string(index));
  }
  Object* object = call.machine().registry().find(text);
  if (object == nullptr) return fail(missing_object(text, *call.method().type));
  if (object->type != call.method().type) return fail(wrong_type(*object, call.method()));
  return object;
}

/// Returns the queues of the call in the order given, each once.
Expected<std::vector<Object*>> named_queues(Call& call) {
  const std::size_t count = read(call.arg(0)).count;
  if (count == 0 || count > kQueuesMax) {
    return fail(Errc::value_error, "names must have 1 to " + std::to_string(kQueuesMax) +
                                       " queues, got " + std::to_string(count));
  }
  std::vector<Object*> queues;
  std::size_t index = 0;
  for (const PackedView name : Elements{call.arg(0)}) {
    auto object = named_queue(call, name, index++);
    if (!object) return object.failure();
    if (std::find(queues.begin(), queues.end(), *object) == queues.end()) {
      queues.push_back(*object);
    }
  }
  return queues;
}

/// Takes the front item of that queue with `take(Object&)`, which also replies.
template <typename Take>
Outcome take_from(Call& call, Object& object, Take&& take) {
  call.machine().before_change(object);
  take(object);
  call.machine().changed(object, call.method());
  return Progress::done;
}

/// Takes an item from the first queue that has one, or waits at all of them.
template <typename Take, typename Fill>
Outcome take_any(Call& call, Take&& take, Fill&& fill) {
  auto queues = named_queues(call);
  if (!queues) return queues.failure();
  std::vector<WaitPlace> places;
  for (Object* object : *queues) {
    Queue& queue = queue_of(*object);
    if (queue.may_take()) return take_from(call, *object, take);
    if (!queue.drained()) places.push_back({object, &queue.getters});
  }
  if (!places.empty()) return call.wait_at(places, kTimeoutAt, fill);
  return fail(Errc::shut_down, queues->size() == 1 ? "queue " + queues->front()->name + " is closed"
                                                   : "all these queues are closed");
}

}  // namespace

Packed lease_key(Duration lease) {
  std::string key;
  Writer{key}.integer(lease.count());
  return Packed{std::move(key)};
}

Expected<std::optional<Duration>> lease_of(Call& call, std::size_t index) {
  const std::optional<Duration> lease = call.seconds(index);
  if (!lease || lease->count() > 0) return lease;
  return fail(Errc::value_error,
              "lease must be more than 0 seconds, or null for as long as the session");
}

Outcome queue_get_any(Call& call) {
  const auto take = [&](Object& object) {
    Queue& queue = queue_of(object);
    const bool kept = call.machine().track_delivery(call.caller(), object, call.context());
    const QueueItem item = queue.take_front();
    Writer out = call.reply();
    write_item_of(out, object.name, queue.view(item));
    queue.deliver(call.caller(), kept, item);
  };
  return take_any(call, take, [](Waiter& waiter) { waiter.count = 0; });
}

Outcome queue_reserve_any(Call& call) {
  auto lease = lease_of(call, kLeaseAt);
  if (!lease) return lease.failure();
  const auto take = [&](Object& object) {
    Queue& queue = queue_of(object);
    const Reservation made = queue.reserve(object, call.session(), *lease);
    Writer out = call.reply();
    write_reservation(out, object.name, made, queue.view(made.item));
  };
  return take_any(call, take, [&](Waiter& waiter) {
    waiter.count = Queue::kReserves;
    if (*lease) waiter.key = lease_key(**lease);
  });
}

}  // namespace agora
