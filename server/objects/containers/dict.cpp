// SPDX-License-Identifier: MIT

// dict: keys to values, in insertion order. Python's dict, with atomic additions.
//
// Keys are compared by comparison key (1 equals 1.0, "2" is not 2). An entry keeps the form in
// which its key was first written, and its place in the order when it is assigned to. Every method
// is atomic. The cursor of scan is a sequence number: a key that is there during the whole scan is
// seen once. Waiters for a key queue up by key. An entry may end at a time or with the session that
// set it (dict_state.hpp).
//
// long-file: a type is one file, and this one has more than twenty methods.

#include <algorithm>
#include <string>
#include <unordered_set>

#include "server/core/machine/creation.hpp"
#include "server/core/methods/numbers.hpp"
#include "server/objects/containers/dict_state.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora {
namespace {

Expected<Handle> put(Dict& dict, const Key& at, PackedView key, PackedView value) {
  auto assigned = dict.assign(dict.lookup(at), at.bytes, key, value);
  if (!assigned) return assigned.failure();
  if (assigned->inserted && dict.awaited.contains(at.bytes)) dict.woken.emplace_back(at.bytes);
  return assigned->entry;
}

void reply_value(Call& call, const Dict& dict, Handle entry) {
  if (auto blob = dict.table().pin(entry)) return call.reply_blob(std::move(*blob));
  call.reply().packed(dict.table().value(entry));
}

Failure no_key(const Call& call, PackedView key) {
  return agora::no_key(call, Errc::key_error, key, "is not a key of");
}

Outcome get(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  if (!entry) return no_key(call, call.arg(0));
  reply_value(call, dict, entry);
  return Progress::done;
}

Outcome get_or(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  entry ? reply_value(call, dict, entry) : call.reply().packed(call.value(1));
  return Progress::done;
}

/// Gives the entry the lease that the call of dict.set asks for, or none.
void set_lease(Call& call, Dict& dict, Handle entry) {
  EntryLease lease;
  if (const auto ttl = call.seconds(2)) lease.until = call.now() + *ttl;
  if (call.boolean(3)) lease.session = call.session();
  dict.set_lease(call.object(), entry, lease);
}

Outcome set(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  auto entry = put(dict, key, call.arg(0), call.arg(1));
  if (!entry) return entry.failure();
  if (call.count() > 2 || dict.has_leases()) set_lease(call, dict, *entry);
  call.changed(call.arg(0));
  return Progress::done;
}

Outcome set_default(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  Handle entry = dict.find(key);
  if (!entry) {
    auto made = put(dict, key, call.arg(0), call.value(1));
    if (!made) return made.failure();
    entry = *made;
    call.changed(call.arg(0));
  }
  reply_value(call, dict, entry);
  return Progress::done;
}

Outcome contains(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  call.reply().boolean(static_cast<bool>(dict.find(key)));
  return Progress::done;
}

Outcome remove(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  if (!entry) return no_key(call, call.arg(0));
  dict.erase(entry);
  call.changed(call.arg(0));
  return Progress::done;
}

Outcome pop(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  if (!entry) {
    if (!call.given(1)) return no_key(call, call.arg(0));
    call.reply().packed(call.arg(1));
    return Progress::done;
  }
  reply_value(call, dict, entry);
  dict.erase(entry);
  call.changed(call.arg(0));
  return Progress::done;
}

Outcome pop_item(Call& call, Dict& dict) {
  const Handle entry = dict.table().last();
  if (!entry) return call.fail_here(Errc::key_error, call.what() + " is empty");
  Writer out = call.reply();
  out.list(2);
  out.packed(dict.table().key(entry));
  out.packed(dict.table().value(entry));
  dict.erase(entry);
  call.changed();
  return Progress::done;
}

/// Calls `visit(key, value)` for each pair of a map or of a list of pairs.
/// @error value_error  an element of the list is no pair. Also the errors of `visit`.
template <typename Visit>
Expected<void> each_pair(PackedView pairs, Visit&& visit) {
  const bool is_map = pairs.kind() == Kind::map;
  Reader reader{pairs};
  const std::uint32_t count = read(reader).count;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!is_map) {
      Reader inner{reader.value()};
      const Token length = read(inner);
      if (length.kind != Kind::list || length.count != 2) {
        return fail(Errc::value_error,
                    "element " + std::to_string(i) + ": expected a list [key, value]");
      }
      const PackedView key = inner.value();
      if (auto ok = visit(key, inner.value()); !ok) return ok;
    } else {
      const PackedView key = reader.value();
      if (auto ok = visit(key, reader.value()); !ok) return ok;
    }
  }
  return {};
}

/// Puts all pairs or none: every error is found before anything is written.
Expected<void> put_all(Machine& machine, Dict& dict, PackedView pairs) {
  const auto check = [&](PackedView key, PackedView value) -> Expected<void> {
    Key checked;
    if (auto ok = checked.read(key); !ok) return ok;
    if (auto there = machine.check_references(key); !there) return there;
    return machine.check_references(value);
  };
  if (auto ok = each_pair(pairs, check); !ok) return ok;
  const auto step = dict.one_step();
  return each_pair(pairs, [&](PackedView key, PackedView value) -> Expected<void> {
    Key ready;
    static_cast<void>(ready.read(key));
    auto entry = put(dict, ready, key, value);
    if (entry) {
      if (dict.has_leases()) dict.end_lease(*entry);
      return {};
    }
    entry.error().done = Done::unknown;  // the memory ran out after a part of the pairs
    return entry.failure();
  });
}

Outcome update(Call& call, Dict& dict) {
  if (auto ok = put_all(call.machine(), dict, call.arg(0)); !ok) return ok.failure();
  if (Reader{call.arg(0)}.rest().size() > 1) call.changed();  // one byte: an empty map or list
  return Progress::done;
}

/// Writes a reply with one element for each entry, by `write(entry)`.
template <typename Write>
Outcome list_entries(Call& call, Dict& dict, Write&& write) {
  if (auto ok = dict.check_whole("dict.scan"); !ok) return ok.failure();
  call.reply().list(static_cast<std::uint32_t>(dict.table().size()));
  dict.table().each(write);
  return Progress::done;
}

Outcome keys(Call& call, Dict& dict) {
  return list_entries(call, dict, [&](Handle e) { call.reply().packed(dict.table().key(e)); });
}

Outcome values(Call& call, Dict& dict) {
  return list_entries(call, dict, [&](Handle e) { call.reply().packed(dict.table().value(e)); });
}

void write_pair(Writer out, const Dict& dict, Handle entry) {
  out.list(2);
  out.packed(dict.table().key(entry));
  out.packed(dict.table().value(entry));
}

Outcome items(Call& call, Dict& dict) {
  return list_entries(call, dict, [&](Handle e) { write_pair(call.reply(), dict, e); });
}

Outcome len(Call& call, Dict& dict) {
  call.reply().unsigned_integer(dict.table().size());
  return Progress::done;
}

Outcome clear(Call& call, Dict& dict) {
  if (dict.table().size() == 0) return Progress::done;
  dict.clear();
  call.changed();
  return Progress::done;
}

Outcome copy(Call& call, Dict& dict) {
  Writer out = call.reply();
  return dict.plain(call, out);
}

Outcome scan(Call& call, Dict& dict) {
  return reply_scan(call, dict, [&](Writer out, Handle entry) { write_pair(out, dict, entry); });
}

Outcome add(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  const PackedView one{"\x01"};
  const PackedView zero{std::string_view{"\0", 1}};
  const PackedView amount = call.given(1) ? call.arg(1) : one;
  const PackedView initial = call.given(2) ? call.arg(2) : zero;
  std::string sum;
  auto added = add_numbers(entry ? dict.table().value(entry) : initial, amount, sum);
  if (!added) {
    return call.fail_here(added.error().code, call.what() + ": " + added.error().message);
  }
  auto placed = put(dict, key, call.arg(0), PackedView{sum});
  if (!placed) return placed.failure();
  call.changed(call.arg(0));
  call.reply().packed(PackedView{sum});
  return Progress::done;
}

Outcome compare_and_set(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  const bool same = entry && equal(dict.table().value(entry), call.arg(1));
  if (same) {
    auto placed = put(dict, key, call.arg(0), call.arg(2));
    if (!placed) return placed.failure();
    call.changed(call.arg(0));
  }
  call.reply().boolean(same);
  return Progress::done;
}

/// Calls `visit(entry)` once for each entry whose key is in the list of the first argument.
template <typename Visit>
Expected<void> each_named(Call& call, Dict& dict, Visit&& visit) {
  const PackedView keys = call.arg(0);
  if (auto ok = call.machine().check_probes(Elements{keys}.count()); !ok) return ok;
  std::unordered_set<std::uint32_t> seen;  // never iterated
  for (const PackedView name : Elements{keys}) {
    Key key;
    if (auto ok = key.read(name); !ok) return ok;
    const Handle entry = dict.find(key);
    if (entry && seen.insert(entry.unit).second) visit(entry);
  }
  return {};
}

Outcome get_many(Call& call, Dict& dict) {
  std::vector<Handle> found;
  std::size_t bytes = 0;
  auto ok = each_named(call, dict, [&](Handle entry) {
    found.push_back(entry);
    bytes += dict.entry_bytes(entry);
  });
  if (ok) ok = call.machine().check_work(found.size(), bytes, "fewer keys");
  if (!ok) return ok.failure();
  Writer out = call.reply();
  out.map(static_cast<std::uint32_t>(found.size()));
  for (const Handle entry : found) {
    out.packed(dict.table().key(entry));
    out.packed(dict.table().value(entry));
  }
  return Progress::done;
}

Outcome delete_many(Call& call, Dict& dict) {
  std::vector<Handle> found;
  auto ok = each_named(call, dict, [&](Handle entry) { found.push_back(entry); });
  if (!ok) return ok.failure();
  const auto step = dict.one_step();
  for (const Handle entry : found) dict.erase(entry);
  if (!found.empty()) call.changed();
  call.reply().unsigned_integer(found.size());
  return Progress::done;
}

Outcome expire(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  call.reply().boolean(static_cast<bool>(entry));
  if (!entry) return Progress::done;
  const std::optional<Duration> span = call.seconds(1);
  if (span && span->count() == 0) {
    dict.erase(entry);
    call.changed(call.arg(0));
    return Progress::done;
  }
  EntryLease lease = dict.lease(entry);
  const std::size_t cap = call.machine().limits().memory_bytes_max;
  if (span && !lease && cap != 0 && call.machine().memory_used() + EntryLeases::kBytes > cap) {
    return fail(memory_full(cap));
  }
  lease.until = span ? std::optional{call.now() + *span} : std::nullopt;
  dict.set_lease(call.object(), entry, lease);
  return Progress::done;
}

Outcome ttl(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  const Handle entry = dict.find(key);
  if (!entry) return no_key(call, call.arg(0));
  const EntryLease lease = dict.lease(entry);
  if (!lease.until) return Progress::done;
  call.reply().real(std::max(0.0, seconds_of(*lease.until - call.now())));
  return Progress::done;
}

Outcome wait_for(Call& call, Dict& dict) {
  Key key;
  if (auto ok = key.read(call); !ok) return ok.failure();
  if (const Handle entry = dict.find(key)) {
    reply_value(call, dict, entry);
    return Progress::done;
  }
  const auto queue = dict.awaited.try_emplace(std::string{key.bytes}).first;
  Outcome outcome = call.wait(queue->second, 1,
                              [&](Waiter& waiter) { waiter.key = Packed{std::string{key.bytes}}; });
  if (queue->second.empty()) dict.awaited.erase(queue);  // the call does not wait
  return outcome;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto dict = std::make_unique<Dict>(creation.machine, creation.id);
  if (creation.arguments[0].present()) {
    if (auto ok = put_all(creation.machine, *dict, creation.arguments[0]); !ok) {
      creation.machine.reclaim_later(std::move(dict));
      return ok.failure();
    }
  }
  return dict;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto dict = std::make_unique<Dict>(creation.machine, creation.id);
  if (auto ok = dict->restore(saved); !ok) return ok.failure();
  return dict;
}

constexpr Parameter kKey{"key", ParamKind::any, kRequired,
                         "Any value but a map; 1 and 1.0 are the same key."};
constexpr Parameter kValue{"value", ParamKind::any, kRequired, "Any value."};
constexpr Parameter kKeys{"keys", ParamKind::list, kRequired, "A list of keys."};

constexpr Method kMethods[] = {
    {.name = "get",
     .parameters = {kKey},
     .result = "any: the value",
     .errors = {Errc::key_error, Errc::type_error},
     .cost = "O(1)",
     .doc = "Returns the value of a key.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get>},
    {.name = "get_or",
     .parameters = {kKey, Parameter{"default", ParamKind::any, kNull,
                                    "Returned if there is no such key."}},
     .result = "any: the value or the default",
     .errors = {Errc::type_error},
     .cost = "O(1)",
     .doc = "Returns the value of a key, or the default.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get_or>},
    {.name = "set",
     .parameters = {kKey, kValue,
                    Parameter{"ttl", ParamKind::seconds, kNull,
                              "Seconds after which the entry is removed; null: no time ends it."},
                    Parameter{"ephemeral", ParamKind::boolean, default_bool(false),
                              "True: the entry is removed with the session that sets it."}},
     .result = "null",
     .errors = {Errc::type_error, Errc::value_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1); O(log n) in the entries with a ttl or a session, for one of them",
     .doc =
         "Sets the value of a key, new or existing, and when the entry ends: with neither ttl nor "
         "ephemeral it no longer ends by itself. update, pop and a set_default that inserts "
         "decide this anew too, as with neither; add and compare_and_set leave it as it is. "
         "Watching sessions hear of the end as dict.expire or session.close, with the key.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set>},
    {.name = "set_default",
     .parameters = {kKey, Parameter{"default", ParamKind::any, kNull, "Stored if the key is new."}},
     .result = "any: the present value",
     .errors = {Errc::type_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Returns the value of a key; stores the default first if there is none.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set_default>},
    {.name = "contains",
     .parameters = {kKey},
     .result = "bool",
     .errors = {Errc::type_error},
     .cost = "O(1)",
     .doc = "Returns whether the key exists.",
     .if_reply_lost = retry::kRead,
     .handler = on<&contains>},
    {.name = "delete",
     .parameters = {kKey},
     .result = "null",
     .errors = {Errc::key_error, Errc::type_error},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Removes a key.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&remove>},
    {.name = "pop",
     .parameters = {kKey,
                    Parameter{"default", ParamKind::any, kAbsent, "Returned instead of KeyError."}},
     .result = "any: the removed value",
     .errors = {Errc::key_error, Errc::type_error},
     .access = Access::write,
     .cost = "O(log n)",
     .doc = "Removes a key and returns its value.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&pop>},
    {.name = "pop_item",
     .result = "[key, value]",
     .errors = {Errc::key_error},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Removes and returns the entry that was added last.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&pop_item>},
    {.name = "update",
     .parameters = {Parameter{"values", ParamKind::pairs, kRequired,
                              "The pairs to set: a map, or a list of [key, value]."}},
     .result = "null",
     .errors = {Errc::value_error, Errc::type_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(values)",
     .doc = "Sets many keys atomically, all or none.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&update>},
    {.name = "keys",
     .result = "list",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns all keys in insertion order.",
     .if_reply_lost = retry::kRead,
     .handler = on<&keys>},
    {.name = "values",
     .result = "list",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns all values in insertion order.",
     .if_reply_lost = retry::kRead,
     .handler = on<&values>},
    {.name = "items",
     .result = "list of [key, value]",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns all entries in insertion order.",
     .if_reply_lost = retry::kRead,
     .handler = on<&items>},
    {.name = "len",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the number of entries.",
     .if_reply_lost = retry::kRead,
     .handler = on<&len>},
    {.name = "clear",
     .result = "null",
     .access = Access::write,
     .cost = "O(1); the memory is freed incrementally",
     .doc = "Removes everything.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&clear>},
    {.name = "copy",
     .result = "map",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns the whole content.",
     .if_reply_lost = retry::kRead,
     .handler = on<&copy>},
    {.name = "scan",
     .parameters = {kScanCursor, kScanCount},
     .result = "{items: list of [key, value], cursor}, cursor null at the end",
     .errors = {Errc::value_error},
     .cost = "O(count + log n)",
     .doc = "Iterates over a large dict in parts. An entry that is present during the whole scan "
            "is returned exactly once.",
     .if_reply_lost = retry::kRead,
     .handler = on<&scan>},
    {.name = "add",
     .parameters = {kKey,
                    Parameter{"amount", ParamKind::number, default_int(1), "May be negative."},
                    Parameter{"initial", ParamKind::number, default_int(0),
                              "The value of a missing key."}},
     .result = "number: the new value",
     .errors = {Errc::type_error, Errc::value_error},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Adds to a number atomically; a missing key starts at initial.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&add>},
    {.name = "compare_and_set",
     .parameters = {kKey,
                    Parameter{"expected", ParamKind::any, kRequired,
                              "The value that it must have."},
                    kValue},
     .result = "bool: false if it had another value or there is no key",
     .errors = {Errc::type_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Compare-and-swap: sets the key only if it has the expected value.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&compare_and_set>},
    {.name = "get_many",
     .parameters = {kKeys},
     .result = "map of the keys that exist",
     .errors = {Errc::type_error, Errc::too_large},
     .cost = "O(keys)",
     .doc = "Returns the values of many keys atomically.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get_many>},
    {.name = "delete_many",
     .parameters = {kKeys},
     .result = "int: the number of keys removed",
     .errors = {Errc::type_error},
     .access = Access::write,
     .cost = "O(keys log n)",
     .doc = "Removes many keys atomically.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&delete_many>},
    {.name = "expire",
     .parameters = {kKey, Parameter{"seconds", ParamKind::seconds, kRequiredOrNull,
                                    "Seconds from now until the entry is removed; 0 removes it at "
                                    "once, null: no time ends it."}},
     .result = "bool: the key was there",
     .errors = {Errc::type_error, Errc::value_error, Errc::out_of_memory},
     .access = Access::write,
     .cost = "O(log n) in the entries with a ttl",
     .doc = "Sets or removes the time at which an entry is removed. An ephemeral entry still ends "
            "with its session too. Neither the value nor the object's version changes until then.",
     .if_reply_lost = "A retry counts the time from then.",
     .handler = on<&expire>},
    {.name = "ttl",
     .parameters = {kKey},
     .result = "float or null: seconds until the entry is removed; null: no time ends it",
     .errors = {Errc::key_error, Errc::type_error},
     .cost = "O(log n) in the entries with a ttl",
     .doc = "Returns the rest of the time after which an entry is removed.",
     .if_reply_lost = retry::kRead,
     .handler = on<&ttl>},
    {.name = "wait_for",
     .parameters = {kKey, kTimeout},
     .result = "any: the value",
     .errors = {Errc::timeout, Errc::type_error},
     .access = Access::read,
     .timed_out = TimedOut::timeout,
     .cost = "O(log waiting keys)",
     .doc = "Returns the value of a key; waits until there is one.",
     .if_reply_lost = retry::kRead,
     .handler = on<&wait_for>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"values", ParamKind::pairs, kAbsent, "The initial content."},
};

}  // namespace

const ObjectType& dict_type() {
  static constexpr ObjectType kType{.name = "dict",
                                    .doc = "Maps keys to values, in insertion order.",
                                    .arguments = kArguments,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
