// array: numbers, bytes or bools of one typecode, as many as it was made with.
// multiprocessing.Array.
//
// The elements lie side by side in one block, in C's form and size. The typecode bounds what an
// element holds, as in value; out of range is an error, or wraps with wrap=true. Every method is
// one step, but that with local=true programs on this host may come in between the elements of a
// slice: each of them is one step then.

#include <algorithm>
#include <cstring>
#include <string>

#include "server/core/machine/call.hpp"
#include "server/core/methods/numbers.hpp"
#include "server/core/methods/typecodes.hpp"
#include "server/objects/containers/slices.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/msgpack_reader.hpp"

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
    out.list(3);
    out.text(std::string_view{reinterpret_cast<const char*>(&code), 1});
    out.boolean(wraps);
    out.bytes(raw());
  }
  Outcome plain(Call& call, Writer& out) const override;
  std::size_t size() const override { return length_; }
  std::size_t bytes() const override { return length_ * c_bytes(code); }

  bool locate(Machine& machine, Object& object, Located& out) override;
  void deleted(Machine& machine, Object& object) override;

  /// Makes room for that many elements, all zero. Once.
  /// @param local  where programs on this host may change them
  /// @error out_of_memory
  Expected<void> allocate(std::size_t length, bool local);
  /// The bytes of all elements.
  std::string_view raw() const {
    if (length_ == 0) return {};
    return {reinterpret_cast<const char*>(at(0)), bytes()};
  }
  std::byte* at(std::size_t place) const {
    return (words_ ? machine_.lending().words().at(*words_) : machine_.arena().at(block_)) +
           place * c_bytes(code);
  }
  /// Appends an element as a value; tells its bits.
  std::uint64_t read(std::size_t place, std::string& out) const {
    const std::uint64_t bits = load_bits(at(place), c_bytes(code));
    read_c(code, reinterpret_cast<const std::byte*>(&bits), out);
    return bits;
  }
  /// Puts a narrowed value in the place of those bits; false if others are there by now.
  bool exchange(std::size_t place, std::uint64_t bits, PackedView narrowed) const {
    std::uint64_t desired = 0;
    write_c(code, narrowed, reinterpret_cast<std::byte*>(&desired));
    return exchange_bits(at(place), c_bytes(code), bits, desired);
  }
  /// Adds to an int in words that wrap round; gives the new value. Nothing: it is not.
  std::optional<std::string> add_in_word(std::size_t place, PackedView amount) const {
    if (!words_ || !wraps) return std::nullopt;
    return add_to_word(code, at(place), amount);
  }
  /// Narrows a value to the typecode. @error type_error, value_error
  Expected<void> narrow(PackedView value, std::string& out) const {
    return coerce(code, wraps, value, out);
  }
  /// Puts a narrowed value at a place.
  void write(std::size_t place, PackedView narrowed) const {
    std::uint64_t bits = 0;
    write_c(code, narrowed, reinterpret_cast<std::byte*>(&bits));
    store_bits(at(place), c_bytes(code), bits);
  }
  /// Before elements change within a transaction: notes what `count` of them are now.
  void note(std::size_t place, std::size_t count);

  const Typecode code;
  const bool wraps;

 private:
  Machine& machine_;
  std::size_t length_ = 0;
  Handle block_;
  std::optional<WordPlace> words_;  // instead of it, if programs may change the elements
  bool located_ = false;
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
  const std::size_t wanted = length * c_bytes(code);
  if (wanted == 0) return {};
  const std::size_t cap = machine_.limits().memory_bytes_max;
  if (cap != 0 && machine_.memory_used() + wanted > cap) {
    return fail(Errc::out_of_memory, "an array of " + std::to_string(wanted) +
                                         " bytes is over the memory cap of " + std::to_string(cap) +
                                         " bytes");
  }
  local ? void(words_ = machine_.lending().words().allocate(wanted))
        : void(block_ = machine_.arena().allocate(wanted));
  if (!block_ && !words_) {
    return fail(Errc::out_of_memory, "the server has no more memory; nothing was changed");
  }
  length_ = length;
  std::memset(at(0), 0, wanted);
  return {};
}

void Array::note(std::size_t place, std::size_t count) {
  if (!machine_.in_transaction() || count == 0) return;
  machine_.undo([this, place,
                 before = std::string{raw().substr(place * c_bytes(code), count * c_bytes(code))}] {
    std::memcpy(at(place), before.data(), before.size());
  });
}

/// An error about the content, with the object's name in front.
Failure unfit(const Call& call, const Error& error) {
  return call.fail_here(error.code, call.what() + ": " + error.message);
}

Failure no_index(const Call& call, const Array& array) {
  return call.fail_here(Errc::index_error, "index " + std::to_string(call.integer(0)) +
                                               " is outside " + call.what() + " of length " +
                                               std::to_string(array.size()));
}

/// Writes one element, as the step of a call.
void change(Call& call, Array& array, std::size_t place, PackedView narrowed) {
  array.note(place, 1);
  array.write(place, narrowed);
  call.changed();
}

Outcome get(Call& call, Array& array) {
  const auto place = place_of(call.integer(0), array.size());
  if (!place) return no_index(call, array);
  array.read(*place, call.reply().out());
  return Progress::done;
}

Outcome set(Call& call, Array& array) {
  const auto place = place_of(call.integer(0), array.size());
  if (!place) return no_index(call, array);
  std::string narrowed;
  if (auto ok = array.narrow(call.arg(1), narrowed); !ok) return unfit(call, ok.error());
  change(call, array, *place, PackedView{narrowed});
  return Progress::done;
}

/// The slice that the first three parameters name.
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

/// All values of a list, narrowed, one after the other. @error type_error, value_error
Expected<std::string> narrow_all(const Array& array, PackedView values) {
  std::string narrowed;
  Reader reader{values};
  Token head;
  static_cast<void>(reader.next(head));
  for (std::uint32_t i = 0; i < head.count; ++i) {
    if (auto ok = array.narrow(reader.value(), narrowed); !ok) {
      ok.error().message = "element " + std::to_string(i) + ": " + ok.error().message;
      return ok.failure();
    }
  }
  return narrowed;
}

std::uint32_t count_of(PackedView list) {
  Token head;
  Reader reader{list};
  static_cast<void>(reader.next(head));
  return head.count;
}

Outcome set_slice(Call& call, Array& array) {
  auto part = slice_asked(call, array);
  if (!part) return part.failure();
  const std::uint32_t count = count_of(call.arg(3));
  if (count != part->count) {
    return call.fail_here(Errc::value_error, "the slice has " + std::to_string(part->count) +
                                                 " places and takes as many values, got " +
                                                 std::to_string(count));
  }
  auto narrowed = narrow_all(array, call.arg(3));
  if (!narrowed) return unfit(call, narrowed.error());
  if (count == 0) return Progress::done;
  const std::size_t first = std::min(part->at(0), part->at(count - 1));
  const std::size_t last = std::max(part->at(0), part->at(count - 1));
  array.note(first, last - first + 1);
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
  const auto place = place_of(call.integer(0), array.size());
  if (!place) return no_index(call, array);
  array.note(*place, 1);
  if (const auto sum = array.add_in_word(*place, call.arg(1))) {
    call.changed();
    call.reply().packed(PackedView{*sum});
    return Progress::done;
  }
  for (int tries = 0; tries < kWordTriesMax; ++tries) {
    std::string before;
    std::string sum;
    std::string narrowed;
    const std::uint64_t bits = array.read(*place, before);
    auto added = array.wraps ? add_wrapping(PackedView{before}, call.arg(1), sum)
                             : add_numbers(PackedView{before}, call.arg(1), sum);
    if (added) added = array.narrow(PackedView{sum}, narrowed);
    if (!added) return unfit(call, added.error());
    if (!array.exchange(*place, bits, PackedView{narrowed})) continue;
    call.changed();
    call.reply().packed(PackedView{narrowed});
    return Progress::done;
  }
  return call.fail_here(Errc::timeout, call.what() + ": " + kWordBusy);
}

Outcome compare_and_set(Call& call, Array& array) {
  const auto place = place_of(call.integer(0), array.size());
  if (!place) return no_index(call, array);
  array.note(*place, 1);
  for (int tries = 0; tries < kWordTriesMax; ++tries) {
    std::string before;
    const std::uint64_t bits = array.read(*place, before);
    const bool same = equal(PackedView{before}, call.arg(1));
    if (same) {
      std::string narrowed;
      if (auto ok = array.narrow(call.arg(2), narrowed); !ok) return unfit(call, ok.error());
      if (!array.exchange(*place, bits, PackedView{narrowed})) continue;
      call.changed();
    }
    call.reply().boolean(same);
    return Progress::done;
  }
  return call.fail_here(Errc::timeout, call.what() + ": " + kWordBusy);
}

Outcome fill(Call& call, Array& array) {
  std::string narrowed;
  if (auto ok = array.narrow(call.arg(0), narrowed); !ok) return unfit(call, ok.error());
  if (array.size() == 0) return Progress::done;
  array.note(0, array.size());
  for (std::size_t i = 0; i < array.size(); ++i) array.write(i, PackedView{narrowed});
  call.changed();
  return Progress::done;
}

/// The number of elements that `size or list` asks for.
/// @error invalid_params, value_error, too_large
Expected<std::size_t> length_asked(const Creation& creation, Typecode code) {
  const PackedView given = creation.arguments[1];
  if (!given.present() || (given.kind() != Kind::integer && given.kind() != Kind::list)) {
    return fail(Errc::invalid_params,
                "args: array takes its typecode and a size or a list" +
                    (given.present() ? ", got " + describe(given) : std::string{}));
  }
  if (given.kind() == Kind::list) return count_of(given);
  Token size;
  Reader reader{given};
  static_cast<void>(reader.next(size));
  if (size.negative) {
    return fail(Errc::value_error, "the size of an array is 0 or more, got " + describe(given));
  }
  const std::size_t most = creation.machine.limits().work_bytes_max / c_bytes(code);
  if (size.natural > most) {
    return fail(Errc::too_large, "an array of that typecode has at most " + std::to_string(most) +
                                     " elements, got " + std::to_string(size.natural));
  }
  return static_cast<std::size_t>(size.natural);
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  std::string_view word;
  Token token;
  if (creation.arguments[0].present()) {
    Reader reader{creation.arguments[0]};
    static_cast<void>(reader.next(token));
    word = token.body;
  }
  const auto code = typecode_of(word);
  if (!code || *code == Typecode::any) {
    return fail(word.empty() ? Errc::invalid_params : Errc::value_error,
                "args: array takes a typecode, one of b B h H i I l L q Q f d c ?, got \"" +
                    std::string{word.substr(0, 40)} + "\"; a list holds any values");
  }
  auto length = length_asked(creation, *code);
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
  Token head;
  Token code;
  Token wraps;
  Token raw;
  for (Token* token : {&head, &code, &wraps, &raw}) static_cast<void>(reader.next(*token));
  const auto typecode = static_cast<Typecode>(code.body.front());
  auto array = std::make_unique<Array>(creation.machine, typecode, wraps.boolean);
  if (auto ok = array->allocate(raw.body.size() / c_bytes(typecode), false); !ok)
    return ok.failure();
  if (!raw.body.empty()) std::memcpy(array->at(0), raw.body.data(), raw.body.size());
  return array;
}

constexpr Parameter kIndex{"index", ParamKind::integer, kRequired,
                           "A place; negative ones count from the end."};
constexpr Parameter kValue{"value", ParamKind::any, kRequired,
                           "A value that the typecode can hold."};

constexpr Method kMethods[] = {
    {.name = "get",
     .parameters = {kIndex},
     .result = "the element",
     .errors = {Errc::index_error},
     .cost = "O(1)",
     .doc = "The element at a place.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get>},
    {.name = "set",
     .parameters = {kIndex, kValue},
     .result = "null",
     .errors = {Errc::index_error, Errc::type_error, Errc::value_error},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Sets the element at a place.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set>},
    {.name = "slice",
     .parameters = {Parameter{"start", ParamKind::integer, kNull,
                              "First place; null: the end that the step leaves."},
                    Parameter{"stop", ParamKind::integer, kNull,
                              "First place left out; null: none."},
                    Parameter{"step", ParamKind::integer, kNull, "Not 0; null: 1."}},
     .result = "list",
     .errors = {Errc::value_error, Errc::too_large},
     .cost = "O(elements of the slice)",
     .doc = "The elements of a slice, by Python's rules.",
     .if_reply_lost = retry::kRead,
     .handler = on<&slice>},
    {.name = "set_slice",
     .parameters = {Parameter{"start", ParamKind::integer, kRequiredOrNull, "As in slice."},
                    Parameter{"stop", ParamKind::integer, kRequiredOrNull, "As in slice."},
                    Parameter{"step", ParamKind::integer, kRequiredOrNull, "As in slice."},
                    Parameter{"values", ParamKind::list, kRequired,
                              "As many values as the slice has places."}},
     .result = "null",
     .errors = {Errc::type_error, Errc::value_error},
     .access = Access::write,
     .cost = "O(elements of the slice)",
     .doc = "Sets the elements of a slice in one step.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set_slice>},
    {.name = "len",
     .result = "int",
     .cost = "O(1)",
     .doc = "How many elements there are.",
     .if_reply_lost = retry::kRead,
     .handler = on<&len>},
    {.name = "add",
     .parameters = {kIndex, Parameter{"amount", ParamKind::number, kRequired, "May be negative."}},
     .result = "number: the new value",
     .errors = {Errc::index_error, Errc::type_error, Errc::value_error, Errc::timeout},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Adds to an element in one step.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&add>},
    {.name = "compare_and_set",
     .parameters = {kIndex,
                    Parameter{"expected", ParamKind::any, kRequired, "The value it must have."},
                    kValue},
     .result = "bool: false if it had another value",
     .errors = {Errc::index_error, Errc::type_error, Errc::value_error, Errc::timeout},
     .access = Access::write,
     .cost = "O(1)",
     .doc = "Sets an element only if it is the expected one.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&compare_and_set>},
    {.name = "fill",
     .parameters = {kValue},
     .result = "null",
     .errors = {Errc::type_error, Errc::value_error},
     .access = Access::write,
     .cost = "O(n)",
     .doc = "Sets all elements to one value.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&fill>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"typecode", ParamKind::text, kRequired,
     "b B h H i I l L q Q (ints), f d (floats), c (a byte), or ? (a bool)."},
    {"content", ParamKind::any, kRequired,
     "How many elements, all zero (64 MiB at most); or a list of the first values."},
};
constexpr Parameter kOptions[] = {
    {"wrap", ParamKind::boolean, default_bool(false),
     "True: an int out of range wraps round, as in C."},
};

}  // namespace

const ObjectType& array_type() {
  static constexpr ObjectType kType{.name = "array",
                                    .doc = "Numbers, bytes or bools of one C type.",
                                    .arguments = kArguments,
                                    .options = kOptions,
                                    .methods = kMethods,
                                    .lends_words = true,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
