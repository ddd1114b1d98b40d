// SPDX-License-Identifier: MIT

// AtomicRun: runs the calls of one transaction: all or nothing.
#pragma once

#include "server/core/machine/call.hpp"

namespace agora {

class AtomicRun {
 public:
  explicit AtomicRun(Call& outer) : outer_(outer), machine_(outer.machine()) {}

  /// Runs `calls`, [[method, params], ...], if all of `require`, [[reading method, params,
  /// expected], ...], hold. Appends the list of results to the machine's reply. The error of a call
  /// is returned with the call's index, and all calls before it are rolled back.
  /// @error conflict     with the index of the first requirement that does not hold.
  /// @error value_error  another shape, or a method that is not allowed in a transaction.
  Outcome run(PackedView calls, PackedView require);

 private:
  Expected<void> check_requirements(PackedView require);
  Expected<void> run_calls(PackedView calls, std::string& results);
  /// Runs one call and appends its result to `result`.
  Expected<void> run_one(PackedView method, PackedView params, bool only_reads,
                         std::string& result);
  Expected<void> may_stand(const MethodRef& ref, const Batch& batch, bool only_reads) const;
  Expected<void> check_lent(const Object* object, const MethodRef& ref, const Batch& batch) const;
  Expected<void> fits_reply(const std::string& results) const;

  Call& outer_;
  Machine& machine_;
};

}  // namespace agora
