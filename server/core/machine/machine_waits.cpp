// SPDX-License-Identifier: MIT

// Machine: waiters. A waiter is served or refused, or times out.
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/machine/machine.hpp"

namespace agora {
namespace {

std::string seconds_text(double seconds) {
  std::string text = std::to_string(seconds);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

/// Returns "queue a", or "queues a, b and c", for messages.
std::string subject(const MethodRef& method, std::span<const std::string_view> objects) {
  constexpr std::size_t kNamedMax = 4;
  std::string text{method.type->name};
  if (objects.size() > 1) text += "s";
  const std::size_t named = objects.size() <= kNamedMax ? objects.size() : kNamedMax - 1;
  for (std::size_t i = 0; i < named; ++i) {
    const bool last = i + 1 == objects.size();
    text += (i == 0 ? " " : last ? " and " : ", ") + std::string{objects[i]};
  }
  if (named < objects.size()) text += " and " + std::to_string(objects.size() - named) + " more";
  return text;
}

void name_object(Error& error, const Object& object) {
  for (const auto& detail : error.details) {
    if (detail.name == "object") return;
  }
  std::string packed;
  Writer{packed}.text(object.name);
  error.details.push_back({"object", std::move(packed)});
}

}  // namespace

void Machine::prefetch_next_waiter(const WaitQueue& queue) {
  constexpr std::size_t kLine = 64;
  const auto fetch = [](const void* place, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; i += kLine) {
      __builtin_prefetch(static_cast<const char*>(place) + i, 1);
    }
  };
  const Waiter* next = queue.front();
  if (next == nullptr) return;
  fetch(next, sizeof(Waiter));
  fetch(next->home, 2 * kLine);
  if (const Waiter* behind = WaitQueue::next(*next)) fetch(&behind->in_queue, kLine);
}

bool Machine::may_serve(Waiter& waiter) {
  const Packed* const guard = waiter.guard();
  if (guard == nullptr) return true;
  auto stands = check_guard(*guard);
  if (!stands) refuse(waiter, std::move(stands.error()));
  return stands.has_value();
}

/// Does the same as next_in, for a queue whose front has a guard or only keeps a place.
Waiter* Machine::next_rare(WaitQueue& queue) {
  while (Waiter* front = queue.front()) {
    Waiter& waiter = front->of_call();
    if (may_serve(waiter)) return &waiter;
  }
  return nullptr;
}

void Machine::waiter_left(Waiter& waiter) {
  for (const Handle item : waiter.items) drop(item);
  const auto left = [&](Object& object) {
    if (!object.state) return;  // it is being deleted
    object.state->waiter_left(*this, object, waiter);
    serve_soon(object);
  };
  if (waiter.places().empty()) return left(*waiter.object);
  for (const auto& place : waiter.places()) left(*place->object);
}

void Machine::reply_null(Waiter& waiter) {
  reply(waiter, [](Writer& out) { out.null(); });
}

void Machine::reply_stored(Waiter& waiter, Handle value) {
  std::optional<BlobRef> blob = values_.pin(value);
  if (!blob) return reply(waiter, [&](Writer& out) { out.packed(values_.view(value)); });
  spend(kProbeUnits);
  const std::unique_ptr<Waiter> owned = waiters_.remove(waiter);
  conclude(*owned, Buffer::bytes, effects_->bytes.size(), std::move(*blob),
           std::move(owned->context));
}

void Machine::reply_value(Waiter& waiter, const std::optional<BlobRef>& blob, PackedView value) {
  const std::unique_ptr<Waiter> owned = waiters_.remove(waiter);
  std::string& bytes = effects_->bytes;
  if (blob) {
    return conclude(*owned, Buffer::bytes, bytes.size(), *blob, std::move(owned->context));
  }
  const std::size_t begin = bytes.size();
  bytes += value.bytes();
  const std::size_t before = effects_->list.size();
  conclude(*owned, Buffer::bytes, begin, {}, std::move(owned->context));
  if (before == 0 || effects_->list.size() != before + 1) return;
  Effect& last = effects_->list.back();
  const Effect& earlier = effects_->list[before - 1];
  if (earlier.kind != Effect::Kind::reply || earlier.buffer != Buffer::bytes) return;
  if (effects_->result(earlier) != effects_->result(last)) return;
  bytes.resize(begin);
  last.offset = earlier.offset;
}

void Machine::refuse(Waiter& waiter, Errc code, std::string message) {
  refuse(waiter, Error{code, std::move(message), Done::no, {}});
}

void Machine::refuse_place(Waiter& waiter, Errc code, std::string message) {
  if (!waiters_.leave_place(waiter)) refuse(waiter, code, std::move(message));
}

void Machine::refuse(Waiter& waiter, Error error) {
  name_object(error, *waiter.object);
  spend(kProbeUnits);
  const std::unique_ptr<Waiter> owned = waiters_.remove(waiter);
  conclude(*owned, std::move(error));
  waiter_left(*owned);
}

void Machine::time_out(Waiter& waiter) {
  Object& object = *waiter.object;
  if (object.state->waiter_timed_out(*this, object, waiter)) return serve_soon(object);
  spend(kProbeUnits);
  const std::unique_ptr<Waiter> owned = waiters_.remove(waiter);
  const double seconds = seconds_of(*owned->until - owned->since);
  std::vector<std::string_view> objects;
  for (const auto& place : owned->places()) objects.push_back(place->object->name);
  if (objects.empty()) objects.push_back(owned->object->name);
  std::string result;
  Outcome outcome = timed_out(owned->method, objects, seconds, result);
  if (outcome) {
    const std::size_t begin = effects_->bytes.size();
    effects_->bytes += result;
    conclude(*owned, Buffer::bytes, begin, {}, {});
  } else {
    conclude(*owned, std::move(outcome.error()));
  }
  waiter_left(*owned);
}

Outcome Machine::timed_out(const MethodRef& method, std::span<const std::string_view> objects,
                           double seconds, std::string& result) const {
  const std::string what = subject(method, objects);
  const std::string within = " within " + seconds_text(seconds);
  const auto error = [&](Errc code, std::string message) -> Outcome {
    Error made{code, std::move(message), Done::no, {}};
    std::string packed;
    Writer{packed}.text(objects.front());
    made.details.push_back({"object", std::move(packed)});
    return fail(std::move(made));
  };
  switch (method.method->timed_out) {
    case TimedOut::null:
      Writer{result}.null();
      break;
    case TimedOut::no:
      Writer{result}.boolean(false);
      break;
    case TimedOut::empty:
      return error(Errc::empty, seconds == 0
                                    ? what + (objects.size() == 1 ? " is" : " are") + " empty"
                                    : "nothing arrived in " + what + within);
    case TimedOut::full:
      return error(Errc::full,
                   seconds == 0 ? what + " is full" : "no place became free in " + what + within);
    case TimedOut::broken:
      return error(Errc::broken_barrier, "not all parties came to " + what +
                                             (seconds == 0 ? " yet" : within) +
                                             ", so it is broken");
    case TimedOut::never_waits:
    case TimedOut::timeout:
      return error(Errc::timeout, full_name(method) + " of " + what + " did not come about" +
                                      (seconds == 0 ? " and was not to wait" : within));
  }
  return Progress::done;
}
}  // namespace agora
