#include "server/core/machine/collector.hpp"

#include <algorithm>

#include "server/core/machine/machine.hpp"

namespace agora {

void Collector::left(Object& object) {
  const bool to_be_deleted =
      phase_ == Phase::sweep && object.suspicion.state == Suspicion::State::suspect;
  if (object.suspicion.candidate || to_be_deleted) return;
  object.suspicion.candidate = true;
  candidates_.push_back(object.id);
}

void Collector::reached(Object& object) {
  if (object.suspicion.state == Suspicion::State::suspect) clear(object);
}

void Collector::released(Object& object) {
  // While suspects are deleted they release each other, which is no sign of life.
  if (phase_ != Phase::sweep) reached(object);
}

void Collector::work(std::size_t steps) {
  while (steps > 0 && has_work()) steps -= std::min(steps, step());
}

std::size_t Collector::step() {
  switch (phase_) {
    case Phase::gather:
      gather();
      return 1;
    case Phase::scan:
      return scan();
    case Phase::judge:
      return cleared_.empty() ? judge() : spread();
    case Phase::sweep:
      return cleared_.empty() ? sweep() : spread();
  }
  return 1;
}

void Collector::gather() {
  Object* object = machine_.registry().find(candidates_.back());
  candidates_.pop_back();
  if (object != nullptr) {
    object->suspicion.candidate = false;
    if (object->holds == 0 && object->suspicion.state == Suspicion::State::none) enter(*object);
  }
  if (candidates_.empty()) phase_ = Phase::scan;
}

void Collector::enter(Object& object) {
  object.suspicion.state = Suspicion::State::suspect;
  object.suspicion.counted = 0;
  suspects_.push_back(object.id);
}

/// The next suspect of this phase; none if it was deleted meanwhile.
Object* Collector::next_suspect() { return machine_.registry().find(suspects_[at_++]); }

/// Counts the references that one suspect holds; what they lead to is suspect as well.
std::size_t Collector::scan() {
  if (at_ == suspects_.size()) {
    phase_ = Phase::judge;
    at_ = 0;
    return 1;
  }
  std::size_t steps = 1;
  const Object* object = next_suspect();
  if (object == nullptr || object->suspicion.state != Suspicion::State::suspect) return steps;
  object->state->each_reference([&](std::string_view name) {
    ++steps;
    Object* target = machine_.registry().find(name);
    if (target == nullptr || !target->anonymous() || target->holds > 0) return;
    if (target->suspicion.state == Suspicion::State::none) enter(*target);
    ++target->suspicion.counted;
  });
  return steps;
}

/// Clears one suspect if it is needed from outside.
std::size_t Collector::judge() {
  if (at_ == suspects_.size()) {
    phase_ = Phase::sweep;
    at_ = 0;
    return 1;
  }
  Object* object = next_suspect();
  if (object == nullptr || object->suspicion.state != Suspicion::State::suspect) return 1;
  if (object->holds > 0 || object->references != object->suspicion.counted) clear(*object);
  return 1;
}

void Collector::clear(Object& object) {
  object.suspicion.state = Suspicion::State::cleared;
  cleared_.push_back(object.id);
}

/// Clears what one cleared object leads to.
std::size_t Collector::spread() {
  const Object* object = machine_.registry().find(cleared_.back());
  cleared_.pop_back();
  std::size_t steps = 1;
  if (object == nullptr) return steps;
  object->state->each_reference([&](std::string_view name) {
    ++steps;
    if (Object* target = machine_.registry().find(name)) reached(*target);
  });
  return steps;
}

/// Deletes one suspect that nobody needs; forgets that the others were suspect.
std::size_t Collector::sweep() {
  if (at_ == suspects_.size()) {
    suspects_ = {};
    at_ = 0;
    phase_ = Phase::gather;
    return 1;
  }
  Object* object = next_suspect();
  if (object == nullptr) return 1;
  const bool goes = object->suspicion.state == Suspicion::State::suspect;
  object->suspicion.state = Suspicion::State::none;
  if (goes) machine_.remove(*object);
  return 1;
}

}  // namespace agora
