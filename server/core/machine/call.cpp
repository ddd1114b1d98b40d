// SPDX-License-Identifier: MIT

#include "server/core/machine/call.hpp"

#include <vector>

#include "server/core/methods/scalar.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {

PackedView Call::value(std::size_t i) const {
  const PackedView given = arg(i);
  return given.present() ? given : PackedView{"\xc0"};
}

std::int64_t Call::integer(std::size_t i) const {
  const PackedView given = arg(i);
  if (!given.present()) return parameter(i).fallback.integer;
  const Token token = read(given);
  if (!token.negative && token.natural > INT64_MAX) return INT64_MAX;
  return token.integer;
}

std::string Call::decimal(std::size_t i) const {
  return given(i) ? agora::decimal(arg(i)) : std::to_string(integer(i));
}

std::optional<std::int64_t> Call::maybe_integer(std::size_t i) const {
  const PackedView given = arg(i);
  if (!given.present() || given.is_null()) return std::nullopt;
  return integer(i);
}

bool Call::boolean(std::size_t i) const {
  const PackedView given = arg(i);
  return given.present() ? read(given).boolean : parameter(i).fallback.integer != 0;
}

std::string_view Call::text(std::size_t i) const {
  const PackedView given = arg(i);
  if (given.present() && !given.is_null()) return text_of(given);
  return parameter(i).fallback.text;
}

std::string_view Call::name(std::size_t i) const { return text(i); }

std::optional<Duration> Call::seconds(std::size_t i) const {
  const PackedView given = arg(i);
  if (!given.present() || given.is_null()) return std::nullopt;
  return span_of(given);
}

/// Returns the key, index or attribute that the call was given; absent if it has none.
PackedView Call::own_key() const {
  const Parameters& parameters = command_.method.method->parameters;
  if (parameters.size() == 0) return {};
  const std::string_view name = parameters[0].name;
  return name == "key" || name == "index" || name == "attribute" ? arg(0) : PackedView{};
}

Failure Call::fail_here(Errc code, std::string message) const {
  return fail_here(Error{code, std::move(message), Done::no, {}});
}

Failure Call::fail_here(Error error) const {
  std::string packed;
  Writer{packed}.text(object_->name);
  error.details.push_back({"object", std::move(packed)});
  return fail(std::move(error));
}

void Call::add_deliveries(Call& part) {
  if (!part.context_) return;
  if (!context_) {
    context_ = std::move(part.context_);
    return;
  }
  const std::vector<ObjectId>& more = part.context_->deliveries;
  context_->deliveries.insert(context_->deliveries.end(), more.begin(), more.end());
}

std::string Call::what() const { return std::string{object_->type->name} + " " + object_->name; }

Outcome Call::no_wait() {
  const std::string_view name = object_->name;
  return machine_.timed_out(command_.method, {&name, 1}, 0, machine_.reply_bytes());
}

Outcome Call::no_wait(std::span<const WaitPlace> places) {
  std::vector<std::string_view> names;
  for (const WaitPlace& place : places) names.push_back(place.object->name);
  return machine_.timed_out(command_.method, names, 0, machine_.reply_bytes());
}

Outcome Call::may_wait(std::size_t places) {
  const std::size_t most = machine_.limits().session_waits_max;
  const std::size_t waits = machine_.waiters().count_of(session()) + places;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count(); ++i) bytes += arg(i).size();
  if (machine_.refuses_wait(waits, bytes)) return fail(machine_.out_of_memory());
  if (waits <= most) return Progress::done;
  const std::string message =
      "this session already has " + std::to_string(most) + " waiting calls; cancel some first";
  return object_ == nullptr ? fail(Errc::overloaded, message)
                            : fail_here(Errc::overloaded, message);
}

Waiter Call::waiter(std::optional<Duration> span) const {
  Waiter start;
  static_cast<Caller&>(start) = caller_;
  start.home = machine_.sessions().of(caller_.session, caller_.link);
  start.object = object_;
  start.since = machine_.now();
  if (span) start.until = machine_.now() + *span;
  if (command_.guard != 0) {
    start.set_guard(batch_.argument(command_.guard - 1));
  }
  return start;
}

}  // namespace agora
