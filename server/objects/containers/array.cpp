// SPDX-License-Identifier: MIT

// array: numbers, bytes or bools of one typecode; the length is fixed. multiprocessing.Array.
//
// The elements lie side by side in one block, each as its C type. The typecode bounds an element;
// an int out of range is an error, or wraps with wrap=true. Every method is atomic, except that
// with local=true clients on this host may write at any time: a method that reads or writes several
// elements, such as slice, is then atomic for each element only. Only the memory cap bounds the
// size; an array beyond the bounds of one message is read and written in slices.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "server/core/machine/call.hpp"
#include "server/core/methods/numbers.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/containers/c_number.hpp"
#include "server/objects/containers/slices.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/key_bytes.hpp"

namespace agora {
namespace {

class Array : public State {
 public:
  Array(Machine& machine, Typecode typecode, bool wrap)
      : code(typecode), wraps(wrap), machine_(machine) {}
  ~Array() override {
    if (block_) machine_.arena().free(block_, bytes());
    if (words_ && !located_) machine_.lending().words().free(*words_, bytes());
  }
  void save(Writer& out) const override {
    // The elements in chunks: one value has at most 4 GiB.
    constexpr std::size_t kChunkBytes = std::size_t{64} << 20;
    out.list(3);
    out.text(std::string_view{reinterpret_cast<const char*>(&code), 1});
    out.boolean(wraps);
    const std::string_view all = raw();
    out.list(static_cast<std::uint32_t>((all.size() + kChunkBytes - 1) / kChunkBytes));
    for (std::size_t at = 0; at < all.size(); at += kChunkBytes) {
      out.bytes(all.substr(at, kChunkBytes));
    }
  }
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return length_; }
  std::size_t bytes() const override { return length_ * c_bytes(code); }

  bool locate(Machine& machine, Object& object, Located& out) override;
  void deleted(Machine& machine, Object& object) override;

  /// Allocates that many elements, all zero. Must be called at most once.
  /// @param local  in words that clients on this host may write
  /// @error out_of_memory
  Expected<void> allocate(std::size_t length, bool local);
  /// Returns the bytes of all elements.
  std::string_view raw() const {
    if (length_ == 0) return {};
    return {reinterpret_cast<const char*>(at(0)), bytes()};
  }
  std::byte* at(std::size_t index) const {
    return (words_ ? machine_.lending().words().at(*words_) : machine_.arena().at(block_)) +
           index * c_bytes(code);
  }
  /// Appends an element as a value.
  void read(std::size_t index, std::string& out) const {
    append_number(code, load_bits(at(index), c_bytes(code)), out);
  }
  /// Adds with a fetch-and-add and returns the new value. That needs an int that wraps, in a shared
  /// word; returns nullopt for any other element.
  std::optional<std::string> add_in_word(std::size_t index, PackedView amount) const {
    if (!words_ || !wraps) return std::nullopt;
    return add_to_word(code, at(index), amount);
  }
  /// Replaces an element in one step, as replace_number.
  template <typename Change>
  Expected<std::string> replace(std::size_t index, Change&& change) const {
    return replace_number(code, wraps, at(index), change);
  }
  /// Narrows a value to the typecode. @error type_error, value_error
  Expected<void> narrow(PackedView value, std::string& out) const {
    return coerce(code, wraps, value, out);
  }
  /// Stores a narrowed value at an index.
  void write(std::size_t index, PackedView narrowed) const {
    store_bits(at(index), c_bytes(code), bits_of(code, narrowed));
  }
  /// Logs the undo step of the elements of a slice; must be called before they change.
  void log_undo(const Slice& slice);
  void log_undo(std::size_t index) { log_undo({static_cast<std::int64_t>(index), 1, 1}); }

  const Typecode code;
  const bool wraps;

 private:
  Machine& machine_;
  std::size_t length_ = 0;
  Handle block_;
  std::optional<WordPlace> words_;  // instead of block_, if clients may write the elements
  bool located_ = false;            // a client has located words_: the lending frees them
};

bool Array::locate(Machine&, Object&, Located& out) {
  if (!words_) return false;
  located_ = true;
  out.first = *words_;
  out.count = length_;
  out.element_bytes = c_bytes(code);
  out.typecode = static_cast<char>(code);
  out.wraps = wraps;
  return true;
}

void Array::deleted(Machine& machine, Object& object) {
  if (words_ && located_) machine.lending().free_word(object.id, *words_, bytes());
}

Outcome Array::plain(Call& call, Writer& out) const {
  if (auto ok = call.machine().check_work(length_, bytes(), "array.slice"); !ok) {
    return ok.failure();
  }
  out.list(static_cast<std::uint32_t>(length_));
  for (std::size_t i = 0; i < length_; ++i) read(i, out.out());
  return Progress::done;
}

Expected<void> Array::allocate(std::size_t length, bool local) {
  if (length == 0) return {};
  const std::size_t cap = machine_.limits().memory_bytes_max;
  const std::size_t used = machine_.memory_used();
  const std::size_t most = cap == 0 ? SIZE_MAX : cap - std::min(cap, used);
  if (length > most / c_bytes(code)) {
    if (cap == 0) return fail(Errc::out_of_memory, "no memory holds that many elements");
    return fail(Errc::out_of_memory, "an array of " + std::to_string(length) + " elements of " +
                                         std::to_string(c_bytes(code)) +
                                         " bytes is over the memory cap of " + std::to_string(cap) +
                                         " bytes, of which " + std::to_string(used) +
                                         " are in use");
  }
  const std::size_t wanted = length * c_bytes(code);
  local ? void(words_ = machine_.lending().words().allocate(wanted))
        : void(block_ = machine_.arena().allocate_zeroed(wanted));
  if (!block_ && !words_) {
    return fail(Errc::out_of_memory, "the server has no more memory; nothing was changed");
  }
  length_ = length;
  return {};
}

void Array::log_undo(const Slice& slice) {
  if (!machine_.in_transaction() || slice.count == 0) return;
  const std::size_t size = c_bytes(code);
  std::string before;
  before.reserve(slice.count * size);
  for (std::size_t i = 0; i < slice.count; ++i) before += raw().substr(slice.at(i) * size, size);
  machine_.undo([this, slice, size, before = std::move(before)] {
    for (std::size_t i = 0; i < slice.count; ++i) {
      std::memcpy(at(slice.at(i)), before.data() + i * size, size);
    }
  });
}

/// Returns an error about the content, with the object's name in front.
Failure unfit(const Call& call, const Error& error) {
  return call.fail_here(error.code, call.what() + ": " + error.message);
}

Failure no_index(const Call& call, const Array& array) {
  return call.fail_here(Errc::index_error, "index " + call.decimal(0) + " is outside " +
                                               call.what() + " of length " +
                                               std::to_string(array.size()));
}

/// Writes one element and marks the call as a change.
void change(Call& call, Array& array, std::size_t index, PackedView narrowed) {
  array.log_undo(index);
  array.write(index, narrowed);
  call.changed();
}

Outcome get(Call& call, Array& array) {
  const auto at = position_of(call.integer(0), array.size());
  if (!at) return no_index(call, array);
  array.read(*at, call.reply().out());
  return Progress::done;
}

Outcome set(Call& call, Array& array) {
  const auto at = position_of(call.integer(0), array.size());
  if (!at) return no_index(call, array);
  std::string narrowed;
  if (auto ok = array.narrow(call.arg(1), narrowed); !ok) return unfit(call, ok.error());
  change(call, array, *at, PackedView{narrowed});
  return Progress::done;
}

/// Returns the slice that the first three parameters name.
Expected<Slice> slice_asked(const Call& call, const Array& array) {
  const std::int64_t step = call.maybe_integer(2).value_or(1);
  if (step == 0) return call.fail_here(Errc::value_error, "step must not be 0");
  return slice_of(call.maybe_integer(0), call.maybe_integer(1), step, array.size());
}

Outcome slice(Call& call, Array& array) {
  auto part = slice_asked(call, array);
  if (!part) return part.failure();
  auto ok =
      call.machine().check_work(part->count, part->count * c_bytes(array.code), "a smaller slice");
  if (!ok) return ok.failure();
  Writer out = call.reply();
  out.list(static_cast<std::uint32_t>(part->count));
  for (std::size_t i = 0; i < part->count; ++i) array.read(part->at(i), out.out());
  return Progress::done;
}

/// Narrows all values of a list, one after the other. @error type_error, value_error
Expected<std::string> narrow_all(const Array& array, PackedView values) {
  std::string narrowed;
  std::size_t index = 0;
  for (const PackedView value : Elements{values}) {
    if (auto ok = array.narrow(value, narrowed); !ok) {
      ok.error().message = "element " + std::to_string(index) + ": " + ok.error().message;
      return ok.failure();
    }
    ++index;
  }
  return narrowed;
}

Outcome set_slice(Call& call, Array& array) {
  auto part = slice_asked(call, array);
  if (!part) return part.failure();
  const std::uint32_t count = read(call.arg(3)).count;
  if (count != part->count) {
    return call.fail_here(Errc::value_error, "the slice has " + std::to_string(part->count) +
                                                 " places and takes as many values, got " +
                                                 std::to_string(count));
  }
  auto narrowed = narrow_all(array, call.arg(3));
  if (!narrowed) return unfit(call, narrowed.error());
  if (count == 0) return Progress::done;
  array.log_undo(*part);
  Reader reader{PackedView{*narrowed}};
  for (std::uint32_t i = 0; i < count; ++i) array.write(part->at(i), reader.value());
  call.changed();
  return Progress::done;
}

Outcome len(Call& call, Array& array) {
  call.reply().unsigned_integer(array.size());
  return Progress::done;
}

Outcome add(Call& call, Array& array) {
  const auto at = position_of(call.integer(0), array.size());
  if (!at) return no_index(call, array);
  array.log_undo(*at);
  if (const auto sum = array.add_in_word(*at, call.arg(1))) {
    call.changed();
    call.reply().packed(PackedView{*sum});
    return Progress::done;
  }
  auto sum = array.replace(*at, [&](PackedView before, std::string& wanted) {
    return array.wraps ? add_wrapping(before, call.arg(1), wanted)
                       : add_numbers(before, call.arg(1), wanted, int_range(array.code));
  });
  if (!sum) return unfit(call, sum.error());
  call.changed();
  call.reply().packed(PackedView{*sum});
  return Progress::done;
}

Outcome compare_and_set(Call& call, Array& array) {
  const auto at = position_of(call.integer(0), array.size());
  if (!at) return no_index(call, array);
  array.log_undo(*at);
  bool same = false;
  auto done = array.replace(*at, [&](PackedView before, std::string& wanted) -> Expected<void> {
    same = equal(before, call.arg(1));
    if (same) wanted = call.arg(2).bytes();
    return {};
  });
  if (!done) return unfit(call, done.error());
  if (same) call.changed();
  call.reply().boolean(same);
  return Progress::done;
}

Outcome fill(Call& call, Array& array) {
  std::string narrowed;
  if (auto ok = array.narrow(call.arg(0), narrowed); !ok) return unfit(call, ok.error());
  if (array.size() == 0) return Progress::done;
  if (const std::size_t most = call.machine().limits().work_bytes_max; array.bytes() > most) {
    return call.fail_here(Errc::too_large, call.what() + " has " + std::to_string(array.bytes()) +
                                               " bytes, and one call writes at most " +
                                               std::to_string(most) + "; use array.set_slice");
  }
  array.log_undo({0, 1, array.size()});
  for (std::size_t i = 0; i < array.size(); ++i) array.write(i, PackedView{narrowed});
  call.changed();
  return Progress::done;
}

/// Returns the number of elements that the argument (a size or a list) asks for.
/// @error invalid_params, value_error
Expected<std::size_t> length_asked(const Creation& creation) {
  const PackedView given = creation.arguments[1];
  if (!given.present() || (given.kind() != Kind::integer && given.kind() != Kind::list)) {
    return fail(Errc::invalid_params,
                "args: array takes its typecode and a size or a list" +
                    (given.present() ? ", got " + describe(given) : std::string{}));
  }
  if (given.kind() == Kind::list) return read(given).count;
  const Token size = read(given);
  if (size.negative) {
    return fail(Errc::value_error, "the size of an array is 0 or more, got " + describe(given));
  }
  return static_cast<std::size_t>(size.natural);
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  std::string_view word;
  if (creation.arguments[0].present()) word = read(creation.arguments[0]).body;
  const auto code = typecode_of(word);
  if (!code || *code == Typecode::any) {
    return fail(word.empty() ? Errc::invalid_params : Errc::value_error,
                "args: array takes a typecode, one of b B h H i I l L q Q f d c ?, got \"" +
                    shown(word) + "\"; a list holds any values");
  }
  auto length = length_asked(creation);
  if (!length) return length.failure();
  auto array =
      std::make_unique<Array>(creation.machine, *code, creation.options[0].bytes() == "\xc3");
  std::string narrowed;
  if (creation.arguments[1].kind() == Kind::list) {
    auto all = narrow_all(*array, creation.arguments[1]);
    if (!all) return all.failure();
    narrowed = std::move(*all);
  }
  if (auto ok = array->allocate(*length, creation.local); !ok) return ok.failure();
  Reader reader{PackedView{narrowed}};
  for (std::size_t i = 0; !reader.at_end(); ++i) array->write(i, reader.value());
  return array;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  Reader reader{saved};
  read(reader);
  const auto typecode = static_cast<Typecode>(read(reader).body.front());
  const bool wraps = read(reader).boolean;
  std::vector<std::string_view> chunks(read(reader).count);
  std::size_t bytes = 0;
  for (std::string_view& chunk : chunks) {
    chunk = read(reader).body;
    bytes += chunk.size();
  }
  auto array = std::make_unique<Array>(creation.machine, typecode, wraps);
  if (auto ok = array->allocate(bytes / c_bytes(typecode), false); !ok) return ok.failure();
  std::size_t at = 0;
  for (const std::string_view chunk : chunks) {
    std::memcpy(array->at(0) + at, chunk.data(), chunk.size());
    at += chunk.size();
  }
  return array;
}

constexpr Parameter kIndex{"index", ParamKind::integer, kRequired,
                           "An index; negative ones count from the end.", kBeyondInt64};
constexpr Parameter kValue{"value", ParamKind::any, kRequired,
                           "A value that the typecode can hold."};

constexpr Method kMethods[] = {
    {.name = "get",
     .parameters = {kIndex},
     .result = "the element",
     .errors = {Errc::index_error},
     .cost = "O(1)",
     .doc = "Returns the element at an index.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get>},
    {.name = "set",
     .parameters = {kIndex, kValue},
     .result = "null",
     .errors = {Errc::index_error, Errc::type_error, Errc::value_error},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Sets the element at an index.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set>},
    {.name = "slice",
     .parameters = {Parameter{"start", ParamKind::integer, kNull,
                              "First index; null: the end at which the step starts.", kBeyondInt64},
                    Parameter{"stop", ParamKind::integer, kNull,
                              "First index left out; null: to the end in the direction of step.",
                              kBeyondInt64},
                    Parameter{"step", ParamKind::integer, kNull, "Not 0; null: 1.", kBeyondInt64}},
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
          Parameter{"values", ParamKind::list, kRequired,
                    "As many values as the slice has elements."}},
     .result = "null",
     .errors = {Errc::type_error, Errc::value_error},
     .access = Access::write,
     .cost = "O(elements of the slice)",
     .doc = "Sets the elements of a slice atomically.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set_slice>},
    {.name = "len",
     .result = "int",
     .cost = "O(1)",
     .doc = "Returns the number of elements.",
     .if_reply_lost = retry::kRead,
     .handler = on<&len>},
    {.name = "add",
     .parameters = {kIndex, Parameter{"amount", ParamKind::number, kRequired, "May be negative."}},
     .result = "number: the new value",
     .errors = {Errc::index_error, Errc::type_error, Errc::value_error, Errc::timeout},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Adds to an element atomically.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&add>},
    {.name = "compare_and_set",
     .parameters = {kIndex,
                    Parameter{"expected", ParamKind::any, kRequired,
                              "The value that it must have."},
                    kValue},
     .result = "bool: false if it had another value",
     .errors = {Errc::index_error, Errc::type_error, Errc::value_error, Errc::timeout},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Compare-and-swap: sets an element only if it has the expected value.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&compare_and_set>},
    {.name = "fill",
     .parameters = {kValue},
     .result = "null",
     .errors = {Errc::type_error, Errc::value_error, Errc::too_large},
     .access = Access::write,
     .cost = "O(n)",
     .doc = "Sets all elements to one value; over 64 MiB use set_slice.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&fill>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"typecode", ParamKind::text, kRequired,
     "b B h H i I l L q Q (ints), f d (floats), c (a byte), or ? (a bool)."},
    {"content", ParamKind::any, kRequired,
     "The number of elements, all zero, as many as the memory cap allows; or a list of the initial "
     "values."},
};
constexpr Parameter kOptions[] = {
    {"wrap", ParamKind::boolean, default_bool(false), "True: an int out of range wraps, as in C."},
};

}  // namespace

const ObjectType& array_type() {
  static constexpr ObjectType kType{.name = "array",
                                    .doc = "Holds numbers, bytes or bools of one C type.",
                                    .arguments = kArguments,
                                    .options = kOptions,
                                    .methods = kMethods,
                                    .lends_words = true,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
