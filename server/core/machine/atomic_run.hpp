// AtomicRun: the calls of one transaction, run as one step or not at all.
#pragma once

#include "server/core/machine/call.hpp"

namespace agora {

class AtomicRun {
 public:
  explicit AtomicRun(Call& outer) : outer_(outer), machine_(outer.machine()) {}

  /// Runs `calls`, [[method, params], ...], if all of `require`, [[reading method, params,
  /// expected], ...], hold. The results stand as a list in the machine's reply.
  /// @error conflict     with the index of the first requirement that does not hold.
  /// @error whatever a call gives, with its index; all before it are undone.
  /// @error value_error  no such shape, a method that may not stand here.
  Outcome run(PackedView calls, PackedView require);

 private:
  Expected<void> check_requirements(PackedView require);
  Expected<void> run_calls(PackedView calls, std::string& results);
  /// One call; its result is appended.
  Expected<void> run_one(PackedView method, PackedView params, bool only_reads,
                         std::string& result);
  Expected<void> may_stand(const MethodRef& ref, const Batch& batch, bool only_reads) const;
  Expected<void> check_lent(const Object* object, const MethodRef& ref, const Batch& batch) const;
  Expected<void> fits_reply(const std::string& results) const;

  Call& outer_;
  Machine& machine_;
};

}  // namespace agora
