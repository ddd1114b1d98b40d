// SPDX-License-Identifier: MIT

#include "server/engine/work_estimate.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/core/methods/scalar.hpp"
#include "server/core/state/signature.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

constexpr std::size_t kParameterBytesPerUnit = 16;

bool mentions(const MethodRef& ref, std::string_view word) {
  return ref.method->cost.find(word) != std::string_view::npos;
}

/// The estimate for one call, by the method's row.
class Estimate {
 public:
  Estimate(Machine& machine, const MethodRef& ref) : machine_(machine), ref_(ref) {}

  /// Takes the argument in that place into account.
  void add(std::size_t place, PackedView value) {
    if (!value.present()) return;
    units_ += value.size() / kParameterBytesPerUnit;
    const Parameter& parameter = parameter_at(ref_, place);
    if (value.kind() == Kind::integer) {
      const Token token = agora::read(value);
      const std::uint64_t natural = token.negative ? 0 : token.natural;
      if (parameter.name == "start") start_ = natural;
      if (parameter.name == "stop" && !token.negative) stop_ = natural;
      if (parameter.name == "count" || parameter.name == "n") most_ = natural;
    }
    const bool names = parameter.kind == ParamKind::name || value.kind() == Kind::reference;
    if (names) add_object(machine_.registry().find(agora::read(value).body));
  }
  std::size_t units() const {
    std::size_t steps = elements_;
    if (stop_) steps = std::min<std::size_t>(steps, *stop_ - std::min(start_, *stop_));
    if (most_) steps = std::min<std::size_t>(steps, *most_);
    return units_ + std::min<std::size_t>(steps, machine_.limits().work_elements_max);
  }

 private:
  void add_object(const Object* object) {
    if (object == nullptr) return;
    units_ += object->waiters.size() * Machine::kProbeUnits;
    elements_ += object->state->size();
  }

  Machine& machine_;
  const MethodRef& ref_;
  std::size_t units_ = Machine::kProbeUnits;
  std::size_t elements_ = 0;  // of the objects that are named
  std::uint64_t start_ = 0;
  std::optional<std::uint64_t> stop_;
  std::optional<std::uint64_t> most_;
};

/// Returns the estimate for one call of a transaction; its name and parameters are unchecked.
std::size_t work_in_transaction(Machine& machine, PackedView call) {
  const std::size_t base = Machine::kProbeUnits + call.size() / kParameterBytesPerUnit;
  if (call.kind() != Kind::list) return base;
  Elements parts{call};
  auto part = parts.begin();
  if (!(part != parts.end()) || (*part).kind() != Kind::text) return base;
  const MethodRef* ref = machine.catalogue().find(text_of(*part));
  ++part;
  if (ref == nullptr || !ref->scales || !(part != parts.end())) return base;
  const PackedView params = *part;
  if (params.kind() != Kind::list) return base + machine.limits().turn_work_max;
  Estimate estimate{machine, *ref};
  std::size_t place = 0;
  for (const PackedView argument : Elements{params}) {
    if (place == parameter_count(*ref)) break;
    estimate.add(place++, argument);
  }
  return base + estimate.units();
}

std::size_t work_of_transaction(Machine& machine, PackedView calls, std::size_t enough) {
  std::size_t units = 0;
  for (const PackedView call : Elements{calls}) {
    units += work_in_transaction(machine, call);
    if (units > enough) break;
  }
  return units;
}

}  // namespace

std::size_t estimated_work(Machine& machine, const Batch& batch, const Command& command,
                           std::size_t enough) {
  const MethodRef& ref = command.method;
  if (ref.type->name == "transaction") {
    return work_of_transaction(machine, batch.argument(command.first), enough);
  }
  Estimate estimate{machine, ref};
  for (std::size_t i = 0; i < command.count; ++i) {
    estimate.add(i, batch.argument(command.first + i));
  }
  std::size_t units = estimate.units();
  if (mentions(ref, "deadlock")) units += machine.last_search_work();
  if (mentions(ref, "objects")) units += machine.registry().size() * Machine::kProbeUnits;
  if (mentions(ref, "sessions")) units += machine.sessions().size() * Machine::kProbeUnits;
  if (mentions(ref, "waiters x") || mentions(ref, "calls waiting")) {
    units += machine.waiters().places() * Machine::kProbeUnits;
  }
  return std::min(units, machine.limits().work_elements_max * Machine::kProbeUnits);
}

}  // namespace agora
