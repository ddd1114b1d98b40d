// value: one number, byte, bool, or any value at all. multiprocessing.Value, std::atomic.
//
// Every method is one step, so add is atomic where `v.value += 1` is not. A typecode bounds what
// it holds, as ctypes does; out of range is an error, or wraps with wrap=true.

#include <string>

#include "server/core/call.hpp"
#include "server/core/numbers.hpp"
#include "server/core/typecodes.hpp"
#include "server/objects/lost_replies.hpp"
#include "server/objects/types.hpp"
#include "shared/value/key_bytes.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "shared/value/references.hpp"

namespace agora {
namespace {

class Value : public State {
 public:
  explicit Value(Machine& machine) : machine_(machine) {}
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
    machine.drop(content);
    return true;
  }
  std::function<void()> restorer(Machine&) override {
    return [this, before = content] { content = before; };
  }
  void each_reference(const std::function<void(std::string_view)>& visit) const override {
    agora::each_reference(view(), visit);
  }
  PackedView view() const { return machine_.values().view(content); }

  Typecode code = Typecode::any;
  bool wraps = false;
  Handle content;

 private:
  Machine& machine_;
};

/// Puts a value in, narrowed to the typecode; the old one is dropped.
Expected<void> put(Machine& machine, Value& value, PackedView given) {
  std::string narrowed;
  if (auto ok = coerce(value.code, value.wraps, given, narrowed); !ok) return ok;
  auto made = machine.store(PackedView{narrowed});
  if (!made) return made.failure();
  const Handle old = std::exchange(value.content, *made);
  if (old) machine.drop(old);
  return {};
}

/// An error about the content, with the object's name in front.
Failure unfit(const Call& call, const Error& error) {
  return call.fail_here(error.code, call.what() + ": " + error.message);
}

Outcome get(Call& call, Value& value) {
  call.reply_stored(value.content);
  return Progress::done;
}

Outcome set(Call& call, Value& value) {
  if (auto ok = put(call.machine(), value, call.arg(0)); !ok) return unfit(call, ok.error());
  call.changed();
  return Progress::done;
}

Outcome add(Call& call, Value& value) {
  std::string sum;
  auto added = value.wraps ? add_wrapping(value.view(), call.arg(0), sum)
                           : add_numbers(value.view(), call.arg(0), sum);
  if (added) added = put(call.machine(), value, PackedView{sum});
  if (!added) return unfit(call, added.error());
  call.changed();
  call.reply().packed(value.view());
  return Progress::done;
}

Outcome exchange(Call& call, Value& value) {
  const Packed old{value.view()};
  // A reference that goes out must not free its object before the new value is in.
  if (auto ok = put(call.machine(), value, call.arg(0)); !ok) return unfit(call, ok.error());
  call.changed();
  call.reply().packed(old);
  return Progress::done;
}

Outcome compare_and_set(Call& call, Value& value) {
  const bool same = equal(value.view(), call.arg(0));
  if (same) {
    if (auto ok = put(call.machine(), value, call.arg(1)); !ok) return unfit(call, ok.error());
    call.changed();
  }
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
  Token word;
  Reader reader{creation.arguments[0]};
  static_cast<void>(reader.next(word));
  const auto code = typecode_of(word.body);
  if (!code) {
    return fail(Errc::value_error, "unknown typecode \"" + std::string{word.body.substr(0, 40)} +
                                       "\"; there are b B h H i I l L q Q f d c ? any");
  }
  value->code = *code;
  value->wraps = creation.options[0].bytes() == "\xc3";
  const std::string zero = zero_of(*code);
  const PackedView given = creation.arguments[1];
  if (auto ok = put(creation.machine, *value, given.present() ? given : PackedView{zero}); !ok) {
    return ok.failure();
  }
  return value;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  auto value = std::make_unique<Value>(creation.machine);
  Reader reader{saved};
  Token token;
  static_cast<void>(reader.next(token));
  static_cast<void>(reader.next(token));
  value->code = static_cast<Typecode>(token.body.front());
  static_cast<void>(reader.next(token));
  value->wraps = token.boolean;
  if (auto ok = put(creation.machine, *value, reader.value()); !ok) return ok.failure();
  return value;
}

constexpr Parameter kValue{"value", ParamKind::any, kRequired,
                           "A value that the typecode can hold."};

constexpr Method kMethods[] = {
    {.name = "get",
     .result = "any: the value",
     .cost = "O(1)",
     .doc = "The value.",
     .lost = lost::kRead,
     .handler = on<&get>},
    {.name = "set",
     .parameters = {kValue},
     .result = "null",
     .errors = {Errc::type_error, Errc::value_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Sets the value.",
     .lost = lost::kIdempotent,
     .handler = on<&set>},
    {.name = "add",
     .parameters = {Parameter{"amount", ParamKind::number, kRequired, "May be negative."}},
     .result = "number: the new value",
     .errors = {Errc::type_error, Errc::value_error},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Adds to the value in one step.",
     .lost = lost::kOnce,
     .handler = on<&add>},
    {.name = "exchange",
     .parameters = {kValue},
     .result = "any: the old value",
     .errors = {Errc::type_error, Errc::value_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Sets the value and gives the old one.",
     .lost = lost::kTaken,
     .handler = on<&exchange>},
    {.name = "compare_and_set",
     .parameters = {Parameter{"expected", ParamKind::any, kRequired, "The value it must have."},
                    kValue},
     .result = "bool: false if it had another value",
     .errors = {Errc::type_error, Errc::value_error, Errc::not_found},
     .access = Access::write,
     .grows = true,
     .cost = "O(1)",
     .doc = "Sets the value only if it is the expected one.",
     .lost = lost::kOnce,
     .handler = on<&compare_and_set>},
};
static_assert(check_table(kMethods));

constexpr Parameter kArguments[] = {
    {"typecode", ParamKind::text, kRequired,
     "b B h H i I l L q Q (ints), f d (floats), c (a byte), ? (a bool), or any."},
    {"initial", ParamKind::any, default_int(0), "The first value."},
};
constexpr Parameter kOptions[] = {
    {"wrap", ParamKind::boolean, default_bool(false),
     "True: an int out of range wraps round, as in C."},
};

}  // namespace

const ObjectType& value_type() {
  static constexpr ObjectType kType{.name = "value",
                                    .doc = "One number, byte or bool, or any value.",
                                    .arguments = kArguments,
                                    .options = kOptions,
                                    .methods = kMethods,
                                    .lends_words = true,
                                    .create = create,
                                    .load = load};
  return kType;
}

}  // namespace agora
