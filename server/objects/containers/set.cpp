// SPDX-License-Identifier: MIT

// set: distinct values. Python's set; operations with another set or a list are one step.
//
// Members are compared by comparison key (1 equals 1.0). Each keeps the form in which it was first
// added, and members are listed in insertion order. `other` is a list or a reference to a set. It
// may be the same set: the members to add and to remove are computed before anything changes.

#include <optional>
#include <string>
#include <vector>

#include "server/core/methods/scalar.hpp"
#include "server/objects/containers/table_state.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/elements.hpp"

namespace agora {
namespace {

class Set : public TableState {
 public:
  using TableState::TableState;
  Outcome plain(Call&, Writer& out) const override {
    if (auto ok = check_whole("set.scan"); !ok) return ok.failure();
    out.list(static_cast<std::uint32_t>(table().size()));
    table().each([&](Handle entry) { out.packed(table().key(entry)); });
    return Progress::done;
  }
};

/// Calls `visit(key_bytes, member)` for each element of a list. @error type_error  an element
/// cannot be a member
template <typename Visit>
Expected<void> each_of(PackedView list, Visit&& visit) {
  for (const PackedView member : Elements{list}) {
    Key key;
    if (auto ok = key.read(member); !ok) return ok;
    if (auto ok = visit(key.bytes, member); !ok) return ok;
  }
  return {};
}

/// Returns whether a table has the member of another table's entry.
bool has(const Table& table, const Table& other, Handle entry) {
  std::string scratch;
  return static_cast<bool>(table.find(key_bytes(other.key(entry), scratch)));
}

/// The other operand: the table of a set, or a table built from a list for the duration of the
/// call.
class Other {
 public:
  Expected<void> read(Call& call) {
    const PackedView given = call.arg(0);
    if (given.kind() == Kind::list) return read_list(call.machine(), given);
    if (given.kind() == Kind::reference) return read_set(call, agora::read(given).body);
    return fail(Errc::invalid_params,
                "other: expected a list or a reference to a set, got " + describe(given));
  }
  const Table& table() const { return *table_; }

 private:
  Expected<void> read_list(Machine& machine, PackedView list) {
    if (auto ok = machine.check_probes(Elements{list}.count()); !ok) return ok;
    table_ = &made_.emplace(machine.arena(), machine.values(), machine.input().hash_key);
    return each_of(list, [&](std::string_view key_bytes, PackedView member) -> Expected<void> {
      if (auto added = made_->insert_or_assign(key_bytes, member, {}); !added) {
        return added.failure();
      }
      return {};
    });
  }
  Expected<void> read_set(Call& call, std::string_view name) {
    Object* object = call.machine().registry().find(name);
    if (object == nullptr) return fail(missing_object(name, *call.method().type));
    if (object->type != call.method().type) return fail(wrong_type(*object, call.method()));
    const auto& set = static_cast<const Set&>(*object->state);
    if (auto ok = set.check_whole("set.scan"); !ok) return ok;
    table_ = &set.table();
    return {};
  }

  std::optional<Table> made_;
  const Table* table_ = nullptr;
};

/// Reads `other`, and checks that both sets together are small enough to be iterated.
/// @error too_large
Expected<void> read_operands(Call& call, const Set& set, Other& other) {
  if (auto ok = set.check_whole("set.scan"); !ok) return ok;
  if (auto ok = other.read(call); !ok) return ok;
  const std::size_t members = set.table().size() + other.table().size();
  if (auto ok = call.machine().check_work(members, 0, "set.scan"); !ok) return ok;
  return call.machine().check_probes(members);
}

/// Returns the entries of a table whose members `other` has (`there`), or lacks.
std::vector<Handle> select(const Table& table, const Table& other, bool there) {
  std::vector<Handle> found;
  table.each([&](Handle entry) {
    if (has(other, table, entry) == there) found.push_back(entry);
  });
  return found;
}

/// Adds members of another table: all of them, or none if a reference names no object.
Expected<void> add_all(Call& call, Set& set, const Table& other,
                       const std::vector<Handle>& entries) {
  for (const Handle entry : entries) {
    if (auto there = call.machine().check_references(other.key(entry)); !there) return there;
  }
  const auto step = set.one_step();
  std::string scratch;
  for (const Handle entry : entries) {
    scratch.clear();
    const PackedView member = other.key(entry);
    const std::string_view bytes = key_bytes(member, scratch);
    if (auto added = set.assign(set.table().locate(bytes), bytes, member, {}); !added) {
      added.error().done = Done::unknown;  // the memory ran out after a part of the members
      return added.failure();
    }
  }
  return {};
}

Outcome add(Call& call, Set& set) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Table::Lookup found = set.lookup(key);
  const bool is_new = !found.entry;
  if (is_new) {
    if (auto added = set.assign(found, key.bytes, call.arg(0), {}); !added) return added.failure();
    call.changed(call.arg(0));
  }
  call.reply().boolean(is_new);
  return Progress::done;
}

Outcome discard(Call& call, Set& set) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = set.find(key);
  if (entry) {
    set.erase(entry);
    call.changed(call.arg(0));
  }
  call.reply().boolean(static_cast<bool>(entry));
  return Progress::done;
}

Outcome remove(Call& call, Set& set) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = set.find(key);
  if (!entry) return no_key(call, Errc::key_error, call.arg(0), "is not in");
  set.erase(entry);
  call.changed(call.arg(0));
  return Progress::done;
}

Outcome pop(Call& call, Set& set) {
  const Handle entry = set.table().last();
  if (!entry) return call.fail_here(Errc::key_error, call.what() + " is empty");
  call.reply().packed(set.table().key(entry));
  set.erase(entry);
  call.changed();
  return Progress::done;
}

Outcome contains(Call& call, Set& set) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  call.reply().boolean(static_cast<bool>(set.find(key)));
  return Progress::done;
}

Outcome len(Call& call, Set& set) {
  call.reply().unsigned_integer(set.table().size());
  return Progress::done;
}

Outcome clear(Call& call, Set& set) {
  if (set.table().size() == 0) return Progress::done;
  set.clear();
  call.changed();
  return Progress::done;
}

Outcome items(Call& call, Set& set) {
  Writer out = call.reply();
  return set.plain(call, out);
}

Outcome scan(Call& call, Set& set) {
  return reply_scan(call, set,
                    [&](Writer out, Handle entry) { out.packed(set.table().key(entry)); });
}

Outcome update(Call& call, Set& set) {
  Other other;
  if (auto ok = other.read(call); !ok) return ok.failure();
  if (auto ok = call.machine().check_probes(other.table().size()); !ok) return ok.failure();
  const std::vector<Handle> fresh = select(other.table(), set.table(), false);
  if (auto ok = add_all(call, set, other.table(), fresh); !ok) return ok.failure();
  if (!fresh.empty()) call.changed();
  return Progress::done;
}

/// Removes the members that `other` has (`there`), or the members that it lacks.
Outcome erase_selected(Call& call, Set& set, bool there) {
  Other other;
  if (auto ok = read_operands(call, set, other); !ok) return ok.failure();
  const std::vector<Handle> gone = select(set.table(), other.table(), there);
  const auto step = set.one_step();
  for (const Handle entry : gone) set.erase(entry);
  if (!gone.empty()) call.changed();
  return Progress::done;
}

Outcome intersection_update(Call& call, Set& set) { return erase_selected(call, set, false); }

Outcome difference_update(Call& call, Set& set) { return erase_selected(call, set, true); }

Outcome symmetric_difference_update(Call& call, Set& set) {
  Other other;
  if (auto ok = read_operands(call, set, other); !ok) return ok.failure();
  const std::vector<Handle> gone = select(set.table(), other.table(), true);
  const std::vector<Handle> fresh = select(other.table(), set.table(), false);
  const auto step = set.one_step();
  if (auto ok = add_all(call, set, other.table(), fresh); !ok) return ok.failure();
  for (const Handle entry : gone) set.erase(entry);
  if (!gone.empty() || !fresh.empty()) call.changed();
  return Progress::done;
}

/// Replies with some of the set's own members and some of the other's, as a list.
Outcome reply_members(Call& call, const Set& set, const std::vector<Handle>& own,
                      const Table& other, const std::vector<Handle>& others) {
  std::size_t bytes = 0;
  for (const Handle entry : own) bytes += set.table().key(entry).size();
  for (const Handle entry : others) bytes += other.key(entry).size();
  if (auto ok = call.machine().check_work(own.size() + others.size(), bytes, "set.scan"); !ok) {
    return ok.failure();
  }
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(own.size() + others.size()));
  for (const Handle entry : own) out.packed(set.table().key(entry));
  for (const Handle entry : others) out.packed(other.key(entry));
  return Progress::done;
}

std::vector<Handle> all_of(const Table& table) {
  std::vector<Handle> all;
  table.each([&](Handle entry) { all.push_back(entry); });
  return all;
}

Outcome set_union(Call& call, Set& set) {
  Other other;
  if (auto ok = read_operands(call, set, other); !ok) return ok.failure();
  return reply_members(call, set, all_of(set.table()), other.table(),
                       select(other.table(), set.table(), false));
}

Outcome intersection(Call& call, Set& set) {
  Other other;
  if (auto ok = read_operands(call, set, other); !ok) return ok.failure();
  return reply_members(call, set, select(set.table(), other.table(), true), other.table(), {});
}

Outcome difference(Call& call, Set& set) {
  Other other;
  if (auto ok = read_operands(call, set, other); !ok) return ok.failure();
  return reply_members(call, set, select(set.table(), other.table(), false), other.table(), {});
}

Outcome symmetric_difference(Call& call, Set& set) {
  Other other;
  if (auto ok = read_operands(call, set, other); !ok) return ok.failure();
  return reply_members(call, set, select(set.table(), other.table(), false), other.table(),
                       select(other.table(), set.table(), false));
}

Outcome is_subset(Call& call, Set& set) {
  Other other;
  if (auto ok = read_operands(call, set, other); !ok) return ok.failure();
  call.reply().boolean(select(set.table(), other.table(), false).empty());
  return Progress::done;
}

Outcome is_superset(Call& call, Set& set) {
  Other other;
  if (auto ok = other.read(call); !ok) return ok.failure();
  if (auto ok = call.machine().check_probes(other.table().size()); !ok) return ok.failure();
  call.reply().boolean(select(other.table(), set.table(), false).empty());
  return Progress::done;
}

Outcome is_disjoint(Call& call, Set& set) {
  Other other;
  if (auto ok = other.read(call); !ok) return ok.failure();
  if (auto ok = call.machine().check_probes(other.table().size()); !ok) return ok.failure();
  call.reply().boolean(select(other.table(), set.table(), true).empty());
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto set = std::make_unique<Set>(creation.machine);
  if (!creation.arguments[0].present()) return set;
  const auto add_member = [&](std::string_view key_bytes, PackedView member) -> Expected<void> {
    const Table::Lookup found = set->table().locate(key_bytes);
    if (found.entry) return {};
    if (auto added = set->assign(found, key_bytes, member, {}); !added) return added.failure();
    return {};
  };
  if (auto ok = each_of(creation.arguments[0], add_member); !ok) {
    creation.machine.reclaim_later(std::move(set));
    return ok.failure();
  }
  return set;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto set = std::make_unique<Set>(creation.machine);
  if (auto ok = set->restore(saved); !ok) return ok.failure();
  return set;
}

constexpr Parameter kMember{"value", ParamKind::any, kRequired,
                            "Any value but a map; 1 and 1.0 are the same member."};
constexpr Parameter kOther{"other", ParamKind::any, kRequired, "A list, or a reference to a set."};
constexpr Errors kOfOther{Errc::type_error, Errc::not_found, Errc::wrong_type, Errc::too_large};

constexpr Method kMethods[] = {
    {.name = "add",
     .parameters = {kMember},
     .result = "bool: true if it was new",
     .errors = {Errc::type_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Adds a value, if it is not a member yet.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&add>},
    {.name = "discard",
     .parameters = {kMember},
     .result = "bool: true if it was a member",
     .errors = {Errc::type_error},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Removes a value, if it is a member.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&discard>},
    {.name = "remove",
     .parameters = {kMember},
     .result = "null",
     .errors = {Errc::key_error, Errc::type_error},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Removes a value, which must be a member.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&remove>},
    {.name = "pop",
     .result = "any: the member",
     .errors = {Errc::key_error},
     .access = Access::write,
     .delivers = true,
     .cost = "O(1)",
     .doc = "Removes and returns an unspecified member.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&pop>},
    {.name = "contains",
     .parameters = {kMember},
     .result = "bool",
     .errors = {Errc::type_error},
     .cost = "O(1)",
     .doc = "Returns whether a value is a member.",
     .if_reply_lost = retry::kRead,
     .handler = on<&contains>},
    {.name = "len",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the number of members.",
     .if_reply_lost = retry::kRead,
     .handler = on<&len>},
    {.name = "clear",
     .result = "null",
     .access = Access::write,
     .cost = "O(1); the memory is freed incrementally",
     .doc = "Removes everything.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&clear>},
    {.name = "items",
     .result = "list",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns all members in insertion order.",
     .if_reply_lost = retry::kRead,
     .handler = on<&items>},
    {.name = "copy",
     .result = "list",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns the whole content, like items.",
     .if_reply_lost = retry::kRead,
     .handler = on<&items>},
    {.name = "update",
     .parameters = {kOther},
     .result = "null",
     .errors = kOfOther,
     .access = Access::write,
     .grows = true,
     .cost = "O(other)",
     .doc = "Adds all members of another set or list atomically.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&update>},
    {.name = "union",
     .parameters = {kOther},
     .result = "list",
     .errors = kOfOther,
     .cost = "O(n + other)",
     .doc = "Returns the members of either set.",
     .if_reply_lost = retry::kRead,
     .handler = on<&set_union>},
    {.name = "intersection",
     .parameters = {kOther},
     .result = "list",
     .errors = kOfOther,
     .cost = "O(n + other)",
     .doc = "Returns the members of both sets.",
     .if_reply_lost = retry::kRead,
     .handler = on<&intersection>},
    {.name = "difference",
     .parameters = {kOther},
     .result = "list",
     .errors = kOfOther,
     .cost = "O(n + other)",
     .doc = "Returns the members that the other set lacks.",
     .if_reply_lost = retry::kRead,
     .handler = on<&difference>},
    {.name = "symmetric_difference",
     .parameters = {kOther},
     .result = "list",
     .errors = kOfOther,
     .cost = "O(n + other)",
     .doc = "Returns the members of exactly one of the two sets.",
     .if_reply_lost = retry::kRead,
     .handler = on<&symmetric_difference>},
    {.name = "intersection_update",
     .parameters = {kOther},
     .result = "null",
     .errors = kOfOther,
     .access = Access::write,
     .cost = "O(n log n + other)",
     .doc = "Keeps only the members that the other set has too.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&intersection_update>},
    {.name = "difference_update",
     .parameters = {kOther},
     .result = "null",
     .errors = kOfOther,
     .access = Access::write,
     .cost = "O(n log n + other)",
     .doc = "Removes the members of the other set.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&difference_update>},
    {.name = "symmetric_difference_update",
     .parameters = {kOther},
     .result = "null",
     .errors = kOfOther,
     .access = Access::write,
     .grows = true,
     .cost = "O(n log n + other)",
     .doc = "Adds the members that only the other set has, and removes those of both.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&symmetric_difference_update>},
    {.name = "is_subset",
     .parameters = {kOther},
     .result = "bool",
     .errors = kOfOther,
     .cost = "O(n + other)",
     .doc = "Returns whether the other set has all members of this one.",
     .if_reply_lost = retry::kRead,
     .handler = on<&is_subset>},
    {.name = "is_superset",
     .parameters = {kOther},
     .result = "bool",
     .errors = kOfOther,
     .cost = "O(other)",
     .doc = "Returns whether this set has all members of the other one.",
     .if_reply_lost = retry::kRead,
     .handler = on<&is_superset>},
    {.name = "is_disjoint",
     .parameters = {kOther},
     .result = "bool",
     .errors = kOfOther,
     .cost = "O(other)",
     .doc = "Returns whether the sets have no common member.",
     .if_reply_lost = retry::kRead,
     .handler = on<&is_disjoint>},
    {.name = "scan",
     .parameters = {kScanCursor, kScanCount},
     .result = "{items: list, cursor}, cursor null at the end",
     .errors = {Errc::value_error},
     .cost = "O(count + log n)",
     .doc = "Iterates over a large set in parts. A member that is present during the whole scan is "
            "returned exactly once.",
     .if_reply_lost = retry::kRead,
     .handler = on<&scan>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"values", ParamKind::list, kAbsent, "The initial content; duplicates count once."},
};

}  // namespace

const ObjectType& set_type() {
  static constexpr ObjectType kType{.name = "set",
                                    .doc = "Holds distinct values, with operations between sets.",
                                    .arguments = kArguments,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
