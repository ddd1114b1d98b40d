// SPDX-License-Identifier: MIT

// list: values in order. Python's list; append, pop() and pop(0) are O(1).
//
// Every method is atomic.
//
// long-file: a type is one file, and this one has more than twenty methods.

#include <algorithm>
#include <vector>

#include "server/core/methods/numbers.hpp"
#include "server/objects/containers/list_order.hpp"
#include "server/objects/containers/list_state.hpp"
#include "server/objects/containers/needle.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora {
namespace {

using List = ListState;

/// Counts the work of a search, which is done.
/// @error too_large  the transaction's budget is spent.
Expected<void> spend_search(Call& call, const Needle& needle) {
  if (auto ok = call.machine().check_transaction_work(needle.units()); !ok) return ok;
  call.machine().spend(needle.units());
  return {};
}

Failure no_index(const Call& call, const List& list) {
  return call.fail_here(Errc::index_error, "index " + call.decimal(0) + " is outside " +
                                               call.what() + " of length " +
                                               std::to_string(list.elements().size()));
}

Outcome get(Call& call, List& list) {
  const auto at = position_of(call.integer(0), list.elements().size());
  if (!at) return no_index(call, list);
  call.reply_stored(list.elements()[*at]);
  return Progress::done;
}

Outcome set(Call& call, List& list) {
  const auto at = position_of(call.integer(0), list.elements().size());
  if (!at) return no_index(call, list);
  auto made = list.make(call.arg(1));
  if (!made) return made.failure();
  list.replace(*at, *made);
  call.changed();
  return Progress::done;
}

Outcome remove_at(Call& call, List& list) {
  const auto at = position_of(call.integer(0), list.elements().size());
  if (!at) return no_index(call, list);
  list.erase(*at);
  call.changed();
  return Progress::done;
}

/// Returns the slice that the first three parameters name.
Expected<Slice> slice_asked(const Call& call, const List& list) {
  const std::int64_t step = call.maybe_integer(2).value_or(1);
  if (step == 0) return call.fail_here(Errc::value_error, "step must not be 0");
  return slice_of(call.maybe_integer(0), call.maybe_integer(1), step, list.elements().size());
}

Outcome clear(Call& call, List& list) {
  if (list.elements().empty()) return Progress::done;
  list.clear();
  call.changed();
  return Progress::done;
}

/// Checks that the elements of a slice may be replaced or deleted in one call. They are freed at
/// once, and with a step other than 1 all others move.
/// @error too_large
Expected<void> check_slice(Call& call, const Slice& part) {
  return call.machine().check_work(part.count, 0, "a smaller slice, or list.clear");
}

Outcome slice(Call& call, List& list) {
  auto part = slice_asked(call, list);
  if (!part) return part.failure();
  if (auto ok = call.machine().check_work(part->count, 0, "a smaller slice"); !ok) {
    return ok.failure();
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < part->count; ++i)
    bytes += list.at(list.elements()[part->at(i)]).size();
  if (auto ok = call.machine().check_work(0, bytes, "a smaller slice"); !ok) return ok.failure();
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(part->count));
  for (std::size_t i = 0; i < part->count; ++i) out.packed(list.at(list.elements()[part->at(i)]));
  return Progress::done;
}

Outcome set_slice(Call& call, List& list) {
  auto part = slice_asked(call, list);
  if (!part) return part.failure();
  if (auto ok = check_slice(call, *part); !ok) return ok.failure();
  auto made = list.make_all(call.arg(3));
  if (!made) return made.failure();
  const bool contiguous = call.maybe_integer(2).value_or(1) == 1;
  if (!contiguous && made->size() != part->count) {
    list.discard(*made);
    return call.fail_here(Errc::value_error,
                          "a slice with a step takes as many values as it has "
                          "places: " +
                              std::to_string(part->count) + ", got " +
                              std::to_string(made->size()));
  }
  if (part->count == 0 && made->empty()) return Progress::done;
  const auto step = list.one_step();
  if (contiguous) {
    if (auto ok = list.splice(part->at(0), part->count, *made); !ok) return ok.failure();
  } else {
    for (std::size_t i = 0; i < part->count; ++i) {
      list.replace(part->at(i), (*made)[i]);
    }
  }
  call.changed();
  return Progress::done;
}

Outcome delete_slice(Call& call, List& list) {
  auto part = slice_asked(call, list);
  if (!part) return part.failure();
  if (part->count == 0) return Progress::done;
  if (part->count == list.elements().size()) return clear(call, list);
  if (auto ok = check_slice(call, *part); !ok) return ok.failure();
  if (call.maybe_integer(2).value_or(1) == 1) {
    if (auto ok = list.splice(part->at(0), part->count, {}); !ok) return ok.failure();
  } else {
    list.erase_each(*part);
  }
  call.changed();
  return Progress::done;
}

Outcome append(Call& call, List& list) {
  auto made = list.make(call.arg(0));
  if (!made) return made.failure();
  auto ok = list.splice(list.elements().size(), 0, {&*made, 1});
  if (!ok) return ok.failure();
  call.changed();
  return Progress::done;
}

Outcome extend(Call& call, List& list) {
  auto made = list.make_all(call.arg(0));
  if (!made) return made.failure();
  if (auto ok = list.splice(list.elements().size(), 0, *made); !ok) return ok.failure();
  if (!made->empty()) call.changed();
  return Progress::done;
}

Outcome insert(Call& call, List& list) {
  auto made = list.make(call.arg(1));
  if (!made) return made.failure();
  // As in Python, an index beyond either end means that end.
  const auto n = static_cast<std::int64_t>(list.elements().size());
  std::int64_t index = call.integer(0);
  if (index < 0) index = std::max<std::int64_t>(index < -n ? 0 : index + n, 0);
  auto ok = list.splice(static_cast<std::size_t>(std::min(index, n)), 0, {&*made, 1});
  if (!ok) return ok.failure();
  call.changed();
  return Progress::done;
}

Outcome pop(Call& call, List& list) {
  const auto at = position_of(call.integer(0), list.elements().size());
  if (!at) return no_index(call, list);
  call.reply_stored(list.elements()[*at]);
  list.erase(*at);
  call.changed();
  return Progress::done;
}

Failure too_long(const Call& call, std::size_t seen) {
  return call.fail_here(Errc::too_large, call.what() + " is too long to be searched at once: " +
                                             std::to_string(seen) +
                                             " elements were looked at; use list.index with start "
                                             "and stop, or list.slice");
}

/// Returns the first index in [from, to) that holds an equal value; nullopt if there is none.
/// @error too_large  it is not among the elements that one call may look at.
Expected<std::optional<std::size_t>> find(Call& call, const List& list, std::size_t from,
                                          std::size_t to) {
  const std::size_t most = call.machine().limits().work_elements_max;
  Needle needle{call.arg(0)};
  std::optional<std::size_t> found;
  std::size_t i = from;
  for (; i < to && !found && needle.units() < most; ++i) {
    if (needle.equals(list.at(list.elements()[i]))) found = i;
  }
  if (auto ok = spend_search(call, needle); !ok) return ok.failure();
  if (!found && i < to) return too_long(call, i - from);
  return found;
}

Failure no_value(const Call& call) {
  return call.fail_here(Errc::value_error, "the value is not in " + call.what());
}

Outcome remove(Call& call, List& list) {
  auto at = find(call, list, 0, list.elements().size());
  if (!at) return at.failure();
  if (!*at) return no_value(call);
  list.erase(**at);
  call.changed();
  return Progress::done;
}

Outcome index(Call& call, List& list) {
  const Slice range = slice_of(call.integer(1), call.maybe_integer(2), 1, list.elements().size());
  auto at = find(call, list, range.at(0), range.at(0) + range.count);
  if (!at) return at.failure();
  if (!*at) return no_value(call);
  call.reply().unsigned_integer(**at);
  return Progress::done;
}

Outcome count(Call& call, List& list) {
  const std::size_t most = call.machine().limits().work_elements_max;
  const std::size_t n = list.elements().size();
  Needle needle{call.arg(0)};
  std::uint64_t found = 0;
  std::size_t i = 0;
  for (; i < n && needle.units() < most; ++i) {
    if (needle.equals(list.at(list.elements()[i]))) ++found;
  }
  if (auto ok = spend_search(call, needle); !ok) return ok.failure();
  if (i < n) return too_long(call, i);
  call.reply().unsigned_integer(found);
  return Progress::done;
}

Outcome contains(Call& call, List& list) {
  auto at = find(call, list, 0, list.elements().size());
  if (!at) return at.failure();
  call.reply().boolean(at->has_value());
  return Progress::done;
}

Outcome reverse(Call& call, List& list) {
  constexpr std::size_t kMovesPerUnit = 8;
  if (list.elements().size() < 2) return Progress::done;
  call.machine().spend(list.elements().size() / kMovesPerUnit);
  list.reverse();
  call.changed();
  return Progress::done;
}

Outcome sort(Call& call, List& list) {
  const std::vector<Handle> before = list.elements().all();
  auto sorted = sorted_elements(call, list, before, call.boolean(0));
  if (!sorted) return sorted.failure();
  if (*sorted == before) return Progress::done;
  list.reorder(*sorted);
  call.changed();
  return Progress::done;
}

Outcome len(Call& call, List& list) {
  call.reply().unsigned_integer(list.elements().size());
  return Progress::done;
}

Outcome copy(Call& call, List& list) {
  Writer out = call.reply();
  return list.plain(call, out);
}

Outcome repeat(Call& call, List& list) {
  const std::int64_t times = call.integer(0);
  if (times <= 0) return clear(call, list);
  const std::size_t n = list.elements().size();
  const auto factor = static_cast<std::size_t>(times);
  const auto most = call.machine().limits().work_elements_max;
  if (n > 0 && (factor > most || n * factor > most ||
                list.bytes() > call.machine().limits().work_bytes_max / factor)) {
    return call.fail_here(Errc::too_large, "the list would have " + std::to_string(n) + " x " +
                                               std::to_string(times) +
                                               " elements; repeat in smaller steps");
  }
  if (auto ok = call.machine().check_transaction_work(n * factor); !ok) return ok.failure();
  call.machine().spend(n * factor);
  std::string all;
  Writer out{all};
  out.list(static_cast<std::uint32_t>(n * (factor - 1)));
  for (std::size_t i = n; i < n * factor; ++i) out.packed(list.at(list.elements()[i % n]));
  auto made = list.make_all(PackedView{all});
  if (!made) return made.failure();
  if (auto ok = list.splice(list.elements().size(), 0, *made); !ok) return ok.failure();
  if (!made->empty()) call.changed();
  return Progress::done;
}

Outcome add(Call& call, List& list) {
  const auto at = position_of(call.integer(0), list.elements().size());
  if (!at) return no_index(call, list);
  std::string sum;
  auto added = add_numbers(list.at(list.elements()[*at]), call.arg(1), sum);
  if (!added) {
    return call.fail_here(added.error().code, call.what() + ": " + added.error().message);
  }
  auto made = list.make(PackedView{sum});
  if (!made) return made.failure();
  list.replace(*at, *made);
  call.changed();
  call.reply().packed(PackedView{sum});
  return Progress::done;
}

Outcome compare_and_set(Call& call, List& list) {
  const auto at = position_of(call.integer(0), list.elements().size());
  if (!at) return no_index(call, list);
  const bool same = equal(list.at(list.elements()[*at]), call.arg(1));
  if (same) {
    auto made = list.make(call.arg(2));
    if (!made) return made.failure();
    list.replace(*at, *made);
    call.changed();
  }
  call.reply().boolean(same);
  return Progress::done;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto list = std::make_unique<List>(creation.machine);
  auto made = list->make_all(saved);
  if (!made) return made.failure();
  if (auto ok = list->splice(0, 0, *made); !ok) return ok.failure();
  return list;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  const PackedView first = creation.arguments[0];
  return load(creation, first.present() ? first : PackedView{"\x90"});
}

constexpr Parameter kIndex{"index", ParamKind::integer, kRequired,
                           "An index; negative ones count from the end.", kBeyondInt64};
constexpr Parameter kValue{"value", ParamKind::any, kRequired, "Any value."};
constexpr Parameter kValues{"values", ParamKind::list, kRequired, "A list of values."};
constexpr Parameter kStart{"start", ParamKind::integer, kNull,
                           "First index; null: the end at which the step starts.", kBeyondInt64};
constexpr Parameter kStop{"stop", ParamKind::integer, kNull,
                          "First index left out; null: to the end in the direction of step.",
                          kBeyondInt64};
constexpr Parameter kStep{"step", ParamKind::integer, kNull, "Not 0; null: 1.", kBeyondInt64};

constexpr Method kMethods[] = {
    {.name = "get",
     .parameters = {kIndex},
     .result = "any",
     .errors = {Errc::index_error},
     .cost = "O(1)",
     .doc = "Returns the element at an index.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get>},
    {.name = "set",
     .parameters = {kIndex, kValue},
     .result = "null",
     .errors = {Errc::index_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Replaces the element at an index.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set>},
    {.name = "delete",
     .parameters = {kIndex},
     .result = "null",
     .errors = {Errc::index_error},
     .access = Access::write,
     .cost = "O(1) at the ends, O(n) elsewhere",
     .doc = "Removes the element at an index.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&remove_at>},
    {.name = "slice",
     .parameters = {kStart, kStop, kStep},
     .result = "list",
     .errors = {Errc::value_error, Errc::too_large},
     .cost = "O(elements of the slice)",
     .doc = "Returns the elements of a slice, by Python's rules.",
     .if_reply_lost = retry::kRead,
     .handler = on<&slice>},
    {.name = "set_slice",
     .parameters =
         {Parameter{"start", ParamKind::integer, kRequiredOrNull, "As in slice.", kBeyondInt64},
          Parameter{"stop", ParamKind::integer, kRequiredOrNull, "As in slice.", kBeyondInt64},
          Parameter{"step", ParamKind::integer, kRequiredOrNull, "As in slice.", kBeyondInt64},
          kValues},
     .result = "null",
     .errors = {Errc::value_error, Errc::not_found, Errc::too_large},
     .access = Access::write,
     .grows = true,
     .cost = "O(n)",
     .doc = "Replaces a slice by values. With a step other than 1 their number must equal that of "
            "the slice.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&set_slice>},
    {.name = "delete_slice",
     .parameters =
         {Parameter{"start", ParamKind::integer, kRequiredOrNull, "As in slice.", kBeyondInt64},
          Parameter{"stop", ParamKind::integer, kRequiredOrNull, "As in slice.", kBeyondInt64},
          Parameter{"step", ParamKind::integer, kRequiredOrNull, "As in slice.", kBeyondInt64}},
     .result = "null",
     .errors = {Errc::value_error, Errc::too_large},
     .access = Access::write,
     .cost = "O(n)",
     .doc = "Removes the elements of a slice.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&delete_slice>},
    {.name = "append",
     .parameters = {kValue},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Appends a value.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&append>},
    {.name = "extend",
     .parameters = {kValues},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(values)",
     .doc = "Appends many values atomically.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&extend>},
    {.name = "insert",
     .parameters = {kIndex, kValue},
     .result = "null",
     .errors = {Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1) at the ends, O(n) elsewhere",
     .doc = "Inserts a value before an index; an index beyond an end means that end.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&insert>},
    {.name = "pop",
     .parameters = {Parameter{"index", ParamKind::integer, default_int(-1),
                              "An index; negative ones count from the end.", kBeyondInt64}},
     .result = "any: the removed element",
     .errors = {Errc::index_error},
     .access = Access::write,
     .cost = "O(1) at the ends, O(n) elsewhere",
     .doc = "Removes an element and returns it.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&pop>},
    {.name = "remove",
     .parameters = {kValue},
     .result = "null",
     .errors = {Errc::value_error, Errc::too_large},
     .access = Access::write,
     .cost = "O(n)",
     .doc = "Removes the first element equal to the value.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&remove>},
    {.name = "index",
     .parameters = {kValue,
                    Parameter{"start", ParamKind::integer, default_int(0), "The index to start at.",
                              kBeyondInt64},
                    Parameter{"stop", ParamKind::integer, kNull,
                              "The index to stop before; null: the end.", kBeyondInt64}},
     .result = "int",
     .errors = {Errc::value_error, Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns the index of the first element equal to the value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&index>},
    {.name = "count",
     .parameters = {kValue},
     .result = "int",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns the number of elements equal to the value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&count>},
    {.name = "contains",
     .parameters = {kValue},
     .result = "bool",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns whether an element equals the value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&contains>},
    {.name = "reverse",
     .result = "null",
     .access = Access::write,
     .cost = "O(n)",
     .doc = "Reverses the order.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&reverse>},
    {.name = "sort",
     .parameters = {Parameter{"reverse", ParamKind::boolean, default_bool(false),
                              "True: descending order."}},
     .result = "null",
     .errors = {Errc::type_error, Errc::too_large},
     .access = Access::write,
     .cost = "O(n log n)",
     .doc = "Sorts numbers, text, bytes, or lists of them. The sort is stable.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&sort>},
    {.name = "len",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the number of elements.",
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
     .result = "list",
     .errors = {Errc::too_large},
     .cost = "O(n)",
     .doc = "Returns the whole content.",
     .if_reply_lost = retry::kRead,
     .handler = on<&copy>},
    {.name = "repeat",
     .parameters = {Parameter{"n", ParamKind::integer, kRequired,
                              "The number of times; 0 or less empties the list."}},
     .result = "null",
     .errors = {Errc::too_large},
     .access = Access::write,
     .grows = true,
     .cost = "O(n x elements)",
     .doc = "Repeats the content in place.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&repeat>},
    {.name = "add",
     .parameters = {kIndex, Parameter{"amount", ParamKind::number, kRequired, "May be negative."}},
     .result = "number: the new value",
     .errors = {Errc::index_error, Errc::type_error, Errc::value_error},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Adds to a number atomically.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&add>},
    {.name = "compare_and_set",
     .parameters = {kIndex,
                    Parameter{"expected", ParamKind::any, kRequired,
                              "The value that it must have."},
                    kValue},
     .result = "bool: false if it had another value",
     .errors = {Errc::index_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Compare-and-swap: sets the element only if it has the expected value.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&compare_and_set>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"values", ParamKind::list, kAbsent, "The initial content."},
};

}  // namespace

const ObjectType& list_type() {
  static constexpr ObjectType kType{.name = "list",
                                    .doc = "Holds values in order.",
                                    .arguments = kArguments,
                                    .methods = kMethods,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
