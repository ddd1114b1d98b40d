// SPDX-License-Identifier: MIT

#include "server/core/machine/collector.hpp"

#include <algorithm>

#include "server/core/machine/machine.hpp"

namespace agora {

void Collector::add_candidate(Object& object) {
  const bool to_be_deleted = phase_ == Phase::sweep && object.trial.colour == Trial::Colour::white;
  if (object.trial.candidate || to_be_deleted) return;
  object.trial.candidate = true;
  candidates_.push_back(object.id);
}

void Collector::reference_added(Object& object) {
  if (object.trial.colour == Trial::Colour::white) turn_grey(object);
}

void Collector::reference_removed(Object& object) {
  // White objects that are deleted release each other: that does not make them reachable.
  if (phase_ != Phase::sweep) reference_added(object);
}

void Collector::work(std::size_t steps) {
  while (steps > 0 && has_work()) steps -= std::min(steps, step());
}

std::size_t Collector::step() {
  switch (phase_) {
    case Phase::gather:
      gather();
      return 1;
    case Phase::count:
      return count();
    case Phase::mark:
      return grey_.empty() ? mark() : blacken();
    case Phase::sweep:
      return grey_.empty() ? sweep() : blacken();
  }
  return 1;
}

void Collector::gather() {
  Object* object = machine_.registry().find(candidates_.back());
  candidates_.pop_back();
  if (object != nullptr) {
    object->trial.candidate = false;
    if (object->holds == 0 && object->trial.colour == Trial::Colour::none) turn_white(*object);
  }
  if (candidates_.empty()) phase_ = Phase::count;
}

void Collector::turn_white(Object& object) {
  object.trial.colour = Trial::Colour::white;
  object.trial.counted = 0;
  trial_.push_back(object.id);
}

/// Returns the next object of this phase; null if it was deleted meanwhile.
Object* Collector::next_in_trial() { return machine_.registry().find(trial_[next_++]); }

/// Counts the references in one white object, and turns their targets white.
std::size_t Collector::count() {
  if (next_ == trial_.size()) {
    phase_ = Phase::mark;
    next_ = 0;
    return 1;
  }
  std::size_t steps = 1;
  const Object* object = next_in_trial();
  if (object == nullptr || object->trial.colour != Trial::Colour::white) return steps;
  object->state->each_reference([&](std::string_view name) {
    ++steps;
    Object* target = machine_.registry().find(name);
    if (target == nullptr || !target->anonymous() || target->holds > 0) return;
    if (target->trial.colour == Trial::Colour::none) turn_white(*target);
    ++target->trial.counted;
  });
  return steps;
}

/// Turns one white object grey if it is reachable from outside the trial.
std::size_t Collector::mark() {
  if (next_ == trial_.size()) {
    phase_ = Phase::sweep;
    next_ = 0;
    return 1;
  }
  Object* object = next_in_trial();
  if (object == nullptr || object->trial.colour != Trial::Colour::white) return 1;
  if (object->holds > 0 || object->references != object->trial.counted) turn_grey(*object);
  return 1;
}

void Collector::turn_grey(Object& object) {
  object.trial.colour = Trial::Colour::grey;
  grey_.push_back(object.id);
}

/// Turns one grey object black and the white targets of its references grey.
std::size_t Collector::blacken() {
  Object* object = machine_.registry().find(grey_.back());
  grey_.pop_back();
  std::size_t steps = 1;
  if (object == nullptr) return steps;
  if (object->trial.colour == Trial::Colour::grey) object->trial.colour = Trial::Colour::black;
  object->state->each_reference([&](std::string_view name) {
    ++steps;
    if (Object* target = machine_.registry().find(name)) reference_added(*target);
  });
  return steps;
}

/// Deletes one object if it is white; takes it out of the trial otherwise.
std::size_t Collector::sweep() {
  if (next_ == trial_.size()) {
    trial_ = {};
    next_ = 0;
    phase_ = Phase::gather;
    return 1;
  }
  Object* object = next_in_trial();
  if (object == nullptr) return 1;
  const bool is_garbage = object->trial.colour == Trial::Colour::white;
  object->trial.colour = Trial::Colour::none;
  if (is_garbage) machine_.remove(*object);
  return 1;
}

}  // namespace agora
