// SPDX-License-Identifier: MIT

// value: one number, byte, bool, or any value at all. multiprocessing.Value, std::atomic.
//
// Every method is atomic, so add is atomic where Python's `v.value += 1` is not. A typecode bounds
// the value, as in ctypes; an int out of range is an error, or wraps with wrap=true.

#include <string>

#include "server/core/machine/call.hpp"
#include "server/core/methods/numbers.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/objects/containers/c_number.hpp"
#include "server/objects/retry_semantics.hpp"
#include "server/objects/types.hpp"
#include "shared/value/elements.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

class Value : public State {
 public:
  explicit Value(Machine& machine) : machine_(machine) {}
  ~Value() override {
    if (word_ && !located_) machine_.lending().words().free(*word_, Words::kWordBytes);
  }
  void save(Writer& out) const override {
    out.list(3);
    out.text(std::string_view{reinterpret_cast<const char*>(&code), 1});
    out.boolean(wraps);
    out.packed(view());
  }
  Outcome plain(Call&, Writer& out) const override {
    out.packed(view());
    return Progress::done;
  }
  std::size_t bytes() const override { return view().size(); }
  bool release_some(Machine& machine, std::size_t) override {
    if (content) machine.drop(std::exchange(content, {}));
    return true;
  }
  std::function<void()> restorer(Machine&) override {
    return [this, before = content] { content = before; };
  }
  void each_reference(const std::function<void(std::string_view)>& visit) const override {
    agora::each_reference(view(), visit);
  }
  bool locate(Machine& machine, Object& object, Located& out) override;
  void deleted(Machine& machine, Object& object) override;

  /// Returns the current value; valid until the next `view` or change.
  PackedView view() const;
  /// Stores a narrowed value, and drops the old one. @error not_found, out_of_memory
  Expected<void> put(PackedView narrowed);
  /// Moves the content to a word that clients on this host may write. @error out_of_memory
  Expected<void> move_to_word();
  /// Stores a narrowed value; returns the old one. @error not_found, out_of_memory
  Expected<Packed> exchange(PackedView narrowed);
  /// Adds with a fetch-and-add and returns the new value. That needs an int that wraps, in a shared
  /// word; returns nullopt for any other content.
  std::optional<std::string> add_in_word(PackedView amount);
  /// Replaces the value by `change(before, wanted)`, narrowed, in one step. An empty `wanted` keeps
  /// it.
  /// @return the value afterwards
  /// @error timeout  clients write to the word continuously; nothing was changed. Also the errors
  /// of `change` and of narrowing.
  template <typename Change>
  Expected<std::string> replace(Change&& change);

  Typecode code = Typecode::any;
  bool wraps = false;
  Handle content;

 private:
  std::byte* at() const { return machine_.lending().words().at(*word_); }

  Machine& machine_;
  std::optional<WordPlace> word_;  ///< the content in C's form, if clients may write it
  bool located_ = false;           // a client has located word_: the lending frees it
  mutable std::string view_;       // the value of the word, when last read
};

PackedView Value::view() const {
  if (!word_) return machine_.values().view(content);
  const std::uint64_t bits = load_bits(at(), c_bytes(code));
  view_.clear();
  append_number(code, bits, view_);
  return PackedView{view_};
}

Expected<void> Value::put(PackedView narrowed) {
  if (word_) {
    store_bits(at(), c_bytes(code), bits_of(code, narrowed));
    return {};
  }
  auto made = machine_.store(narrowed);
  if (!made) return made.failure();
  const Handle old = std::exchange(content, *made);
  if (old) machine_.drop(old);
  return {};
}

Expected<Packed> Value::exchange(PackedView narrowed) {
  if (!word_) {
    Packed before{view()};
    if (auto ok = put(narrowed); !ok) return ok.failure();
    return before;
  }
  const std::uint64_t bits = exchange_bits(at(), c_bytes(code), bits_of(code, narrowed));
  std::string before;
  append_number(code, bits, before);
  return Packed{std::move(before)};
}

std::optional<std::string> Value::add_in_word(PackedView amount) {
  if (!word_ || !wraps) return std::nullopt;
  return add_to_word(code, at(), amount);
}

Expected<void> Value::move_to_word() {
  const auto word = machine_.lending().words().allocate(Words::kWordBytes);
  if (!word) return fail(Errc::out_of_memory, "the server has no more memory; nothing was changed");
  const std::uint64_t bits = bits_of(code, view());
  machine_.drop(std::exchange(content, {}));
  word_ = word;
  store_bits(at(), c_bytes(code), bits);
  return {};
}

template <typename Change>
Expected<std::string> Value::replace(Change&& change) {
  if (word_) return replace_number(code, wraps, at(), change);
  std::string wanted;
  std::string narrowed;
  if (auto ok = change(view(), wanted); !ok) return ok.failure();
  if (wanted.empty()) return std::string{view().bytes()};
  if (auto ok = coerce(code, wraps, PackedView{wanted}, narrowed); !ok) return ok.failure();
  if (auto ok = put(PackedView{narrowed}); !ok) return ok.failure();
  return narrowed;
}

bool Value::locate(Machine&, Object&, Located& out) {
  if (!word_) return false;
  located_ = true;
  out.first = *word_;
  out.count = 1;
  out.element_bytes = c_bytes(code);
  out.typecode = static_cast<char>(code);
  out.wraps = wraps;
  return true;
}

void Value::deleted(Machine& machine, Object& object) {
  if (!word_ || !located_) return;
  machine.lending().free_word(object.id, *word_, Words::kWordBytes);
}

/// Stores a value, narrowed to the typecode.
Expected<void> put(Value& value, PackedView given) {
  std::string narrowed;
  if (auto ok = coerce(value.code, value.wraps, given, narrowed); !ok) return ok;
  return value.put(PackedView{narrowed});
}

/// Returns an error about the content, with the object's name in front.
Failure unfit(const Call& call, const Error& error) {
  return call.fail_here(error.code, call.what() + ": " + error.message);
}

Outcome get(Call& call, Value& value) {
  value.content ? call.reply_stored(value.content) : call.reply().packed(value.view());
  return Progress::done;
}

Outcome set(Call& call, Value& value) {
  if (auto ok = put(value, call.arg(0)); !ok) return unfit(call, ok.error());
  call.changed();
  return Progress::done;
}

Outcome add(Call& call, Value& value) {
  if (const auto sum = value.add_in_word(call.arg(0))) {
    call.changed();
    call.reply().packed(PackedView{*sum});
    return Progress::done;
  }
  auto sum = value.replace([&](PackedView before, std::string& wanted) {
    return value.wraps ? add_wrapping(before, call.arg(0), wanted)
                       : add_numbers(before, call.arg(0), wanted, int_range(value.code));
  });
  if (!sum) return unfit(call, sum.error());
  call.changed();
  call.reply().packed(PackedView{*sum});
  return Progress::done;
}

Outcome exchange(Call& call, Value& value) {
  std::string narrowed;
  if (auto ok = coerce(value.code, value.wraps, call.arg(0), narrowed); !ok) {
    return unfit(call, ok.error());
  }
  auto old = value.exchange(PackedView{narrowed});
  if (!old) return unfit(call, old.error());
  call.changed();
  call.reply().packed(*old);
  return Progress::done;
}

Outcome compare_and_set(Call& call, Value& value) {
  bool same = false;
  auto done = value.replace([&](PackedView old, std::string& wanted) -> Expected<void> {
    same = equal(old, call.arg(0));
    if (same) wanted = call.arg(1).bytes();
    return {};
  });
  if (!done) return unfit(call, done.error());
  if (same) call.changed();
  call.reply().boolean(same);
  return Progress::done;
}

Expected<std::unique_ptr<State>> create(Creation& creation) {
  auto value = std::make_unique<Value>(creation.machine);
  if (!creation.arguments[0].present()) {
    return fail(Errc::invalid_params,
                "args: value lacks its typecode, one of b B h H i I l L q Q "
                "f d c ? any");
  }
  const std::string_view name = read(creation.arguments[0]).body;
  const auto code = typecode_of(name);
  if (!code) {
    return fail(Errc::value_error, "unknown typecode \"" + shown(name) +
                                       "\"; there are b B h H i I l L q Q f d c ? any");
  }
  value->code = *code;
  value->wraps = creation.options[0].bytes() == "\xc3";
  const std::string zero = zero_of(*code);
  const PackedView given = creation.arguments[1];
  if (auto ok = put(*value, given.present() ? given : PackedView{zero}); !ok) {
    return ok.failure();
  }
  if (creation.local && *code != Typecode::any) {
    if (auto ok = value->move_to_word(); !ok) return ok.failure();
  }
  return value;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto value = std::make_unique<Value>(creation.machine);
  Reader reader{saved};
  read(reader);
  value->code = static_cast<Typecode>(read(reader).body.front());
  value->wraps = read(reader).boolean;
  if (auto ok = put(*value, reader.value()); !ok) return ok.failure();
  return value;
}

constexpr Parameter kValue{"value", ParamKind::any, kRequired,
                           "A value that the typecode can hold."};

constexpr Method kMethods[] = {
    {.name = "get",
     .result = "any: the value",
     .cost = "O(1)",
     .doc = "Returns the value.",
     .if_reply_lost = retry::kRead,
     .handler = on<&get>},
    {.name = "set",
     .parameters = {kValue},
     .result = "null",
     .errors = {Errc::type_error, Errc::value_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Sets the value.",
     .if_reply_lost = retry::kIdempotent,
     .handler = on<&set>},
    {.name = "add",
     .parameters = {Parameter{"amount", ParamKind::number, kRequired, "May be negative."}},
     .result = "number: the new value",
     .errors = {Errc::type_error, Errc::value_error, Errc::timeout},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Adds to the value atomically.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&add>},
    {.name = "exchange",
     .parameters = {kValue},
     .result = "any: the old value",
     .errors = {Errc::type_error, Errc::value_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Sets the value and returns the old one.",
     .if_reply_lost = retry::kTaken,
     .handler = on<&exchange>},
    {.name = "compare_and_set",
     .parameters = {Parameter{"expected", ParamKind::any, kRequired,
                              "The value that it must have."},
                    kValue},
     .result = "bool: false if it had another value",
     .errors = {Errc::type_error, Errc::value_error, Errc::not_found, Errc::timeout},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Compare-and-swap: sets the value only if it is the expected one.",
     .if_reply_lost = retry::kOnce,
     .handler = on<&compare_and_set>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"typecode", ParamKind::text, kRequired,
     "b B h H i I l L q Q (ints), f d (floats), c (a byte), ? (a bool), or any."},
    {"initial", ParamKind::any, default_int(0), "The initial value."},
};
constexpr Parameter kOptions[] = {
    {"wrap", ParamKind::boolean, default_bool(false), "True: an int out of range wraps, as in C."},
};

}  // namespace

const ObjectType& value_type() {
  static constexpr ObjectType kType{.name = "value",
                                    .doc = "Holds one number, byte or bool, or any value.",
                                    .arguments = kArguments,
                                    .options = kOptions,
                                    .methods = kMethods,
                                    .lends_words = true,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
