// SPDX-License-Identifier: MIT

// A plugin with faults. The environment variable AGORA_PLUGIN_FAULT selects the fault.

#include <cstdlib>
#include <string_view>

#include <agora/server/user_type.hpp>

namespace traps {

/// A parameter whose Codec throws.
struct Touchy {};

/// A result whose Codec writes the given bytes, a value or not.
struct Raw {
  std::string bytes;
};

/// A result whose Codec first erases the bytes before its own in the output.
struct Greedy {};

}  // namespace traps

namespace agora {

template <>
struct Codec<traps::Greedy> {
  static void encode(Writer& writer, const traps::Greedy&) {
    writer.out().assign(writer.out().size(), '\xc0');
    writer.out().clear();
    writer.integer(7);
  }
  static std::string name() { return "anything"; }
};

template <>
struct Codec<traps::Touchy> {
  static Expected<traps::Touchy> decode(PackedView) { throw "touched"; }
  static std::string name() { return "touchy"; }
};

template <>
struct Codec<traps::Raw> {
  static void encode(Writer& writer, const traps::Raw& raw) { writer.out() += raw.bytes; }
  static std::string name() { return "anything"; }
};

}  // namespace agora

namespace {

bool asked_for(std::string_view fault) {
  const char* given = std::getenv("AGORA_PLUGIN_FAULT");
  return given != nullptr && fault == given;
}

class Silent : public std::exception {
 public:
  const char* what() const noexcept override { return nullptr; }
};

/// A class whose methods fail in every way. Its number shows whether the object is still intact.
class Trap {
 public:
  explicit Trap(std::int64_t first) : number_(first) {
    if (first < 0) throw 7;
  }
  std::int64_t number() const { return number_; }
  std::int64_t throw_number() {
    ++number_;
    throw 42;
  }
  std::int64_t throw_silently() const { throw Silent{}; }
  void throw_no_text() { throw std::runtime_error("caf\xe9"); }
  std::string no_text() const { return "caf\xe9"; }
  traps::Raw no_value() const { return {"\xc1"}; }
  traps::Raw two_values() const { return {"\x01\x02"}; }
  traps::Greedy greedy() const { return {}; }
  void touch(const traps::Touchy&) {}

 private:
  std::int64_t number_;
};

agora::user_type trap(const std::string& name) {
  return agora::describe_class<Trap>(name, "Fails in every way.")
      .constructor<std::int64_t>({{"first", "The number.", 0}})
      .method("number", &Trap::number, "The number.")
      .method("throw_number", &Trap::throw_number, "Throws no std::exception.")
      .method("throw_silently", &Trap::throw_silently, "Throws an exception without text.")
      .method("throw_no_text", &Trap::throw_no_text, "Throws an exception whose text is no UTF-8.")
      .method("no_text", &Trap::no_text, "Returns text that is no UTF-8.")
      .method("no_value", &Trap::no_value, "Returns bytes that are no value.")
      .method("two_values", &Trap::two_values, "Returns more than one value.")
      .method("greedy", &Trap::greedy, "Overwrites the results of other methods.")
      .method("touch", &Trap::touch, "Never runs, since its parameter cannot be decoded.", {{"it"}})
      .saved([](const Trap& one) { return one.number(); },
             [](std::int64_t number) { return Trap{number}; });
}

}  // namespace

extern "C" __attribute__((visibility("default"))) unsigned agora_plugin_abi();
extern "C" unsigned agora_plugin_abi() { return asked_for("version") ? 77 : 1; }

extern "C" __attribute__((visibility("default"))) void agora_plugin_types(
    agora::user_types_list& types);
extern "C" void agora_plugin_types(agora::user_types_list& types) {
  if (asked_for("throws")) throw std::runtime_error("there is no licence");
  if (asked_for("throws a number")) throw 7;
  if (asked_for("none")) return;
  if (asked_for("taken")) return types.push_back(trap("dict"));
  if (asked_for("twice")) types.push_back(trap("trap"));
  types.push_back(trap(asked_for("no word") ? "Trap" : "trap"));
  if (asked_for("same method")) types[0].rows.push_back(types[0].rows[0]);
  if (asked_for("guard")) types[0].rows.back().parameters[0].name = "guard";
  if (asked_for("same parameter")) {
    auto& parameters = types[0].constructor.parameters;
    parameters.push_back(parameters[0]);
  }
  if (asked_for("order")) types[0].constructor.parameters.emplace_back("second");
}
