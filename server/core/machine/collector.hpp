// SPDX-License-Identifier: MIT

// Collector: deletes cycles of anonymous objects that only refer to each other.
//
// Reference counts free everything but cycles. The collector is trial deletion, as in CPython's
// gc module (there `gc_refs`, `subtract_refs` and `move_unreachable`), made incremental. When an
// object loses a reference or a hold and keeps references but no holds, it becomes a candidate: it
// may belong to a garbage cycle. A run then has four phases:
//
//   gather   turns the candidates without holds white.
//   count    follows the references of white objects, turns the anonymous targets without holds
//            white as well, and counts the references that each white object gets from others.
//   mark     turns a white object grey if it has a hold, or more references than were counted: then
//            one of them comes from outside.
//   sweep    deletes the objects that are still white.
//
// Grey objects are reachable: in mark and sweep their references are followed first, their white
// targets turn grey, and they turn black.
//
// A run is cut into slices, between which anything may change. A white object turns grey at once
// when a reference to it is added or removed, or when a session gets a hold on it. So the counts of
// the objects that are still white stay exact. An object that turned grey without need becomes a
// candidate again when its last reference from outside goes.
//
// A slice is bounded in objects and references, but one object is walked as a whole.
#pragma once

#include <cstddef>
#include <vector>

#include "server/core/state/object.hpp"

namespace agora {

class Machine;

class Collector {
 public:
  explicit Collector(Machine& machine) : machine_(machine) {}

  /// Adds an object that has lost a reference or a hold and has references left, but no holds.
  void add_candidate(Object& object);
  /// Notes that the object got a reference or a hold.
  void reference_added(Object& object);
  /// Notes that the object lost a reference.
  void reference_removed(Object& object);

  bool has_work() const { return phase_ != Phase::gather || !candidates_.empty(); }
  /// Does about `steps` steps (objects and references visited) at most. May delete objects. Not
  /// within a transaction.
  void work(std::size_t steps);

 private:
  enum class Phase { gather, count, mark, sweep };

  std::size_t step();
  void gather();
  std::size_t count();
  std::size_t mark();
  std::size_t sweep();
  void turn_white(Object& object);
  void turn_grey(Object& object);
  std::size_t blacken();
  Object* next_in_trial();

  Machine& machine_;
  Phase phase_ = Phase::gather;
  std::vector<ObjectId> candidates_;
  std::vector<ObjectId> trial_;  ///< all objects of this run, of any colour
  std::size_t next_ = 0;         ///< index into `trial_`: the next object of this phase
  std::vector<ObjectId> grey_;
};

}  // namespace agora
