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

  /// Runs the outer call while the memory cap is reached, as a transaction of its own: it is rolled
  /// back if the server would store more after it than before. So a change that stores no more goes
  /// through.
  /// @error out_of_memory  it would store more; nothing was changed.
  Outcome run_at_cap();

 private:
  /// Begins the transaction.
  void begin();
  /// Commits the transaction, or rolls it back and returns its error.
  Outcome finish(Expected<void> done);
  /// Prepares an object for a change that can be rolled back.
  /// Returns the bytes that the server stores, less the bytes that the commit will free.
  std::int64_t bytes_stored() const;
  /// @error out_of_memory  the memory cap is reached, and the transaction stores more.
  Expected<void> check_cap() const;
  /// Tells whether a request of so many bytes may store no more in the object than it has. Without
  /// this a large request would allocate memory at the cap, only to be rolled back.
  bool may_fit(const Object& object, std::size_t bytes) const;
  Failure full() const;
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
  bool at_cap_ = false;
  std::int64_t stored_before_ = 0;
};

}  // namespace agora
