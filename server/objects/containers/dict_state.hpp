// SPDX-License-Identifier: MIT

// Dict: the content of a dict: a table, the waiters for keys, and the leases of entries.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/objects/containers/entry_leases.hpp"
#include "server/objects/containers/table_state.hpp"

namespace agora {

class Dict : public TableState {
 public:
  /// @param id  of the object
  Dict(Machine& machine, ObjectId id) : TableState(machine), id_(id) {}
  ~Dict() override;

  /// Appends [content of the table, leases]; a lease is [number of the entry, nanoseconds or null,
  /// session or 0].
  void save(Writer& out) const override;
  /// Loads the saved form. An entry whose session no longer exists is removed.
  Expected<void> restore(PackedView saved);
  bool release_some(Machine& machine, std::size_t elements) override;
  void waiter_left(Machine& machine, Object& object, Waiter& waiter) override;
  void serve(Machine& machine, Object& object) override;
  void session_ended(Machine& machine, Object& object, SessionId session) override;
  void alarm(Machine& machine, Object& object) override;
  void deleted(Machine& machine, Object& object) override;

  /// Erases an entry and its lease.
  void erase(Handle entry);
  /// Removes everything, to be freed incrementally. O(sessions with ephemeral entries).
  void clear();

  /// Returns false if no entry has a lease.
  bool has_leases() const { return leases_ != nullptr; }
  EntryLease lease(Handle entry) const;
  /// Sets the lease of an entry; an empty one removes it.
  void set_lease(Object& object, Handle entry, const EntryLease& lease);
  /// Removes the lease of an entry.
  void end_lease(Handle entry);

  std::map<std::string, WaitQueue, std::less<>> awaited;  ///< by comparison key; no queue is empty
  std::vector<std::string> woken;                         ///< awaited keys that now have a value

 private:
  void apply(std::uint64_t number, const EntryLease& lease);
  void change_lease(Handle entry, const EntryLease& lease);
  void remove(Object& object, std::uint64_t number, std::string_view cause);
  void set_alarm(Object& object, Instant earliest);
  void count_sessions(const EntryLeases& leases, bool granted);

  ObjectId id_;
  std::unique_ptr<EntryLeases> leases_;  // null while no entry has one
};

}  // namespace agora
