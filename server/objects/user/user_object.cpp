// SPDX-License-Identifier: MIT

#include "server/objects/user/user_object.hpp"

#include <algorithm>
#include <deque>
#include <stdexcept>

#include "server/core/machine/call.hpp"
#include "server/core/methods/scalar.hpp"
#include "server/core/state/catalogue.hpp"
#include "shared/value/normalize.hpp"

namespace agora {

class RegisteredType : public ObjectType {
 public:
  explicit RegisteredType(user_type given);

  user_type description;

 private:
  Parameter parameter_of(const user_parameter& given);
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
  std::string_view sentence(const std::string& text, const std::string& otherwise);
  void check() const;
  [[noreturn]] void refuse(const std::string& why) const;
  void check_parameters(const std::string& where,
                        const std::vector<user_parameter>& parameters) const;

  std::deque<std::string> texts_;  // the texts that the tables' views point to
  std::vector<Parameter> arguments_;
  std::vector<Method> methods_;
};

void RegisteredTypeDelete::operator()(RegisteredType* type) const { delete type; }

namespace {

/// Checks that the bytes of the user's Codec are one value, and normalizes them. The Codec writes
/// to a string of its own, so it can corrupt nothing else.
Expected<void> make_sound(const Limits& limits, std::string& bytes, const std::string& what) {
  Budget budget{limits};
  std::string sound;
  const auto taken = normalize(bytes, sound, budget);
  if (!taken || *taken != bytes.size()) {
    return fail(Errc::user_error,
                what + " is no value: " + (taken ? "it is more than one" : taken.error().message));
  }
  bytes = std::move(sound);
  return {};
}

class UserObject : public State {
 public:
  UserObject(const user_type& type, user_type::Object object)
      : type_(type), object_(std::move(object)) {}

  void save(Writer& out) const override {
    std::string saved;
    type_.save(object_.get(), saved) ? out.packed(PackedView{saved}) : out.null();
  }
  Outcome plain(Call& call, Writer& out) const override {
    std::string saved;
    if (auto ok = type_.save(object_.get(), saved); !ok) return ok.failure();
    if (auto ok = make_sound(call.machine().limits(), saved, "what is saved"); !ok) {
      return ok.failure();
    }
    if (auto ok = call.machine().check_work(1, saved.size(), "the type's own methods"); !ok) {
      return ok.failure();
    }
    out.out() += saved;
    return Progress::done;
  }
  std::function<void()> restorer(Machine& machine) override {
    std::string saved;
    if (!type_.save(object_.get(), saved)) return {};
    return [this, &machine, saved] {
      if (auto before = type_.load(PackedView{saved})) object_ = std::move(*before);
      count_bytes(machine);
    };
  }
  std::size_t bytes() const override { return static_cast<std::size_t>(counted_); }
  void deleted(Machine& machine, Object&) override {
    machine.count_heap(-std::exchange(counted_, 0));
  }
  /// Brings the count of the object's memory up to date.
  void count_bytes(Machine& machine) {
    if (!type_.bytes) return;
    const auto now = static_cast<std::ptrdiff_t>(type_.bytes(object_.get()));
    machine.count_heap(now - std::exchange(counted_, now));
  }
  void* object() const { return object_.get(); }

 private:
  const user_type& type_;
  user_type::Object object_;
  std::ptrdiff_t counted_ = 0;  // the bytes that the machine counts for it
};

Outcome run_method(Call& call) {
  const auto& type = static_cast<const RegisteredType&>(*call.method().type);
  const auto index = static_cast<std::size_t>(call.method().method - type.methods.data());
  const user_type::Row& row = type.description.rows[index];
  std::vector<PackedView> arguments;
  for (std::size_t i = 0; i < row.parameters.size(); ++i) arguments.push_back(call.arg(i));
  auto& object = static_cast<UserObject&>(*call.object().state);
  if (row.changes && call.machine().in_transaction()) {
    // A state that cannot be saved could not be rolled back.
    std::string saved;
    if (auto ok = type.description.save(object.object(), saved); !ok) {
      return call.fail_here(std::move(ok.error()));
    }
  }
  std::string result;
  auto done = row.run(object.object(), arguments, result);
  if (row.changes) object.count_bytes(call.machine());
  if (done && !result.empty()) {
    done =
        make_sound(call.machine().limits(), result, "what " + full_name(call.method()) + " gave");
  }
  if (done) {
    call.reply().packed(PackedView{result});
    if (row.changes) call.changed();
    return Progress::done;
  }
  // A method that threw may have changed a part of the object already.
  if (row.changes && done.error().code == Errc::user_error) {
    done.error().done = Done::unknown;
    call.changed();
  }
  return call.fail_here(std::move(done.error()));
}

Expected<std::unique_ptr<State>> make(Creation& creation) {
  const auto& type = static_cast<const RegisteredType&>(*creation.type);
  auto object = type.description.constructor.run(creation.arguments);
  if (!object) return object.failure();
  auto state = std::make_unique<UserObject>(type.description, std::move(*object));
  state->count_bytes(creation.machine);
  return state;
}

Expected<std::unique_ptr<State>> load(Creation& creation, PackedView saved) {
  const auto& type = static_cast<const RegisteredType&>(*creation.type);
  auto object = type.description.load(saved);
  if (!object) return object.failure();
  auto state = std::make_unique<UserObject>(type.description, std::move(*object));
  state->count_bytes(creation.machine);
  return state;
}

bool is_word(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(), fits);
}

Default default_of(PackedView value, std::string_view text) {
  if (!value.present()) return kRequired;
  const Token token = read(value);
  switch (token.kind) {
    case Kind::null:
      return kNull;
    case Kind::integer:
      // A default beyond int64 cannot stand in a row; `fallback` has it.
      if (!token.negative && token.natural > INT64_MAX) return kAbsent;
      return default_int(token.integer);
    case Kind::boolean:
      return default_bool(token.boolean);
    case Kind::text:
      return default_text(text);
    default:
      return kAbsent;
  }
}

}  // namespace

RegisteredType::RegisteredType(user_type given) : ObjectType{}, description(std::move(given)) {
  check();
  name = description.name;
  doc = sentence(description.doc, "A type of the server's user.");
  for (const user_parameter& one : description.constructor.parameters) {
    arguments_.push_back(parameter_of(one));
  }
  for (const user_type::Row& row : description.rows) {
    Method& method = methods_.emplace_back();
    method.name = row.name;
    for (const user_parameter& one : row.parameters) {
      method.parameters.items[method.parameters.count++] = parameter_of(one);
    }
    method.result = row.result;
    method.errors = Errors{Errc::user_error};
    method.access = row.changes ? Access::write : Access::read;
    method.grows = row.changes && !row.frees_memory;
    method.cost = "the user's";
    method.doc = sentence(row.doc, "A method of the user's class.");
    method.if_reply_lost = row.changes
                               ? "The change happened once; without an opened session the caller "
                                 "cannot know."
                               : "Nothing changed; retry.";
    method.handler = run_method;
  }
  arguments = arguments_;
  methods = methods_;
  create = make;
  load = agora::load;
  counts_bytes = description.bytes != nullptr;
}

Parameter RegisteredType::parameter_of(const user_parameter& given) {
  const PackedView fallback = user_types::fallback_of(given);
  std::string_view text;
  if (fallback.present() && fallback.kind() == Kind::text)
    text = keep(std::string{read(fallback).body});
  return {keep(given.name), given.kind, default_of(fallback, text),
          sentence(given.doc, "See the type's documentation."),
          kBeyondInt64};  // the C++ type decides which ints fit
}

std::string_view RegisteredType::sentence(const std::string& text, const std::string& otherwise) {
  if (text.empty()) return keep(otherwise);
  return keep(text.back() == '.' ? text : text + ".");
}

void RegisteredType::refuse(const std::string& why) const {
  throw std::invalid_argument("user type \"" + description.name + "\": " + why);
}

void RegisteredType::check_parameters(const std::string& where,
                                      const std::vector<user_parameter>& parameters) const {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string what = "the parameter \"" + parameters[i].name + "\" of " + where;
    if (!is_word(parameters[i].name)) refuse(what + " is no lower-case word");
    // Every method has these parameters: its object, and the call option.
    if (parameters[i].name == "name" || parameters[i].name == "guard") refuse(what + " is taken");
    if (i > 0 && !parameters[i].fallback && parameters[i - 1].fallback) {
      refuse(what + " must be given, but one before it need not be");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (parameters[j].name == parameters[i].name) refuse(what + " is there twice");
    }
  }
}

void RegisteredType::check() const {
  if (!is_word(description.name)) refuse("its name must be a lower-case word");
  if (!description.constructor.run) refuse("it has no default constructor; describe one");
  if (!description.save || !description.load) refuse("it has no Codec; describe how it is saved");
  check_parameters("the constructor", description.constructor.parameters);
  const std::size_t most = Parameters{}.items.size();
  for (std::size_t i = 0; i < description.rows.size(); ++i) {
    const user_type::Row& row = description.rows[i];
    if (!is_word(row.name)) refuse("the method name \"" + row.name + "\" is no lower-case word");
    if (row.parameters.size() > most) {
      refuse(row.name + " takes more than " + std::to_string(most) + " parameters");
    }
    check_parameters(row.name, row.parameters);
    for (std::size_t j = 0; j < i; ++j) {
      if (description.rows[j].name == row.name) refuse("two methods are named " + row.name);
    }
  }
}

RegisteredTypePointer register_type(user_type description) {
  return RegisteredTypePointer{new RegisteredType{std::move(description)}};
}

const ObjectType& object_type(const RegisteredType& type) { return type; }

}  // namespace agora
