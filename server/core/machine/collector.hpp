// Collector: finds anonymous objects that are kept only by each other, and has them deleted.
//
// Counts of references free everything but cycles. A cycle is left alone when a reference or a
// hold goes and leaves an object with references and without holds: that object is a candidate,
// and a run begins. It walks all anonymous objects without holds that candidates lead to (the
// suspects) and counts the references among them. A suspect with more references than were counted
// is needed from outside, and so is all that it leads to; the others are deleted.
//
// A run is cut into slices, between which anything may change. A suspect to which a reference is
// added or taken away, or which is held, is cleared at once; so for those left the count is exact
// at every moment, whatever became of the objects that refer to them. What is cleared wrongly
// becomes a candidate again when its last reference from outside goes.
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

  /// A reference or a hold went, and left the object with references and without holds.
  void left(Object& object);
  /// The object got a reference or a hold.
  void reached(Object& object);
  /// The object lost a reference.
  void released(Object& object);

  bool has_work() const { return phase_ != Phase::gather || !candidates_.empty(); }
  /// Does up to about `steps` steps (objects and references looked at). May delete objects. Not
  /// within a transaction.
  void work(std::size_t steps);

 private:
  enum class Phase { gather, scan, judge, sweep };

  std::size_t step();
  void gather();
  std::size_t scan();
  std::size_t judge();
  std::size_t sweep();
  void enter(Object& object);
  void clear(Object& object);
  std::size_t spread();
  Object* next_suspect();

  Machine& machine_;
  Phase phase_ = Phase::gather;
  std::vector<ObjectId> candidates_;
  std::vector<ObjectId> suspects_;  ///< all of this run, cleared ones too
  std::size_t at_ = 0;              ///< how many suspects this phase has looked at
  std::vector<ObjectId> cleared_;   ///< those whose references have yet to be followed
};

}  // namespace agora
