// SPDX-License-Identifier: MIT

// list: values in order. Python's list; append, pop() and pop(0) are O(1).
//
// Every method is atomic.
//
// long-file: a type is one file, and this one has more than twenty methods.

#include <algorithm>
#include <vector>

#include "server/core/methods/numbers.hpp"
#include "server/objects/containers/list_state.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/compare.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora {
namespace {

using List = ListState;

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

Outcome slice(Call& call, List& list) {
  auto part = slice_asked(call, list);
  if (!part) return part.failure();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < part->count; ++i)
    bytes += list.at(list.elements()[part->at(i)]).size();
  if (auto ok = call.machine().check_work(part->count, bytes, "a smaller slice"); !ok) {
    return ok.failure();
  }
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(part->count));
  for (std::size_t i = 0; i < part->count; ++i) out.packed(list.at(list.elements()[part->at(i)]));
  return Progress::done;
}

Outcome set_slice(Call& call, List& list) {
  auto part = slice_asked(call, list);
  if (!part) return part.failure();
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

/// Returns the first index in [from, to) that holds an equal value.
std::optional<std::size_t> find(const List& list, PackedView value, std::size_t from,
                                std::size_t to) {
  std::string wanted_scratch;
  std::string scratch;
  const std::string_view wanted = key_bytes(value, wanted_scratch);
  for (std::size_t i = from; i < to; ++i) {
    scratch.clear();
    if (key_bytes(list.at(list.elements()[i]), scratch) == wanted) return i;
  }
  return std::nullopt;
}

Failure no_value(const Call& call) {
  return call.fail_here(Errc::value_error, "the value is not in " + call.what());
}

Outcome remove(Call& call, List& list) {
  const auto at = find(list, call.arg(0), 0, list.elements().size());
  if (!at) return no_value(call);
  list.erase(*at);
  call.changed();
  return Progress::done;
}

Outcome index(Call& call, List& list) {
  const Slice range = slice_of(call.integer(1), call.maybe_integer(2), 1, list.elements().size());
  const auto at = find(list, call.arg(0), range.at(0), range.at(0) + range.count);
  if (!at) return no_value(call);
  call.reply().unsigned_integer(*at);
  return Progress::done;
}

Outcome count(Call& call, List& list) {
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < list.elements().size(); ++i) {
    if (equal(list.at(list.elements()[i]), call.arg(0))) ++found;
  }
  call.reply().unsigned_integer(found);
  return Progress::done;
}

Outcome contains(Call& call, List& list) {
  call.reply().boolean(find(list, call.arg(0), 0, list.elements().size()).has_value());
  return Progress::done;
}

Outcome reverse(Call& call, List& list) {
  if (list.elements().size() < 2) return Progress::done;
  list.reverse();
  call.changed();
  return Progress::done;
}

Outcome sort(Call& call, List& list) {
  if (auto ok = call.machine().check_work(list.elements().size(), 0, "smaller lists"); !ok) {
    return ok.failure();
  }
  // Find values that cannot be compared before the order is touched: std::stable_sort needs a
  // strict weak order, and nothing may change on an error.
  const std::vector<Handle> before = list.elements().all();
  std::vector<Handle> sorted = before;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (!compare(list.at(sorted[0]), list.at(sorted[i]))) {
      return call.fail_here(Errc::type_error,
                            "elements 0 and " + std::to_string(i) + " cannot be compared");
    }
  }
  bool comparable = true;
  const bool reversed = call.boolean(0);
  std::stable_sort(sorted.begin(), sorted.end(), [&](Handle a, Handle b) {
    const auto order = compare(list.at(reversed ? b : a), list.at(reversed ? a : b));
    comparable = comparable && order;
    return order && *order == std::partial_ordering::less;
  });
  if (!comparable) {
    return call.fail_here(Errc::type_error, "some elements cannot be compared with each other");
  }
  if (sorted == before) return Progress::done;
  list.reorder(sorted);
  call.changed();
  return Progress::done;
}

Outcome len(Call& call, List& list) {
  call.reply().unsigned_integer(list.elements().size());
  return Progress::done;
}

Outcome clear(Call& call, List& list) {
  if (list.elements().empty()) return Progress::done;
  list.clear();
  call.changed();
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
     .errors = {Errc::value_error, Errc::not_found},
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
     .errors = {Errc::value_error},
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
     .errors = {Errc::value_error},
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
     .errors = {Errc::value_error},
     .cost = "O(n)",
     .doc = "Returns the index of the first element equal to the value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&index>},
    {.name = "count",
     .parameters = {kValue},
     .result = "int",
     .cost = "O(n)",
     .doc = "Returns the number of elements equal to the value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&count>},
    {.name = "contains",
     .parameters = {kValue},
     .result = "bool",
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
