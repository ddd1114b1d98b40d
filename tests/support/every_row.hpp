// SPDX-License-Identifier: MIT

// EveryRow: a call of every row of the catalogue, with parameters that the row accepts on an object
// of its type; for tests that hold for all methods, those to come included.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/core/state/catalogue.hpp"
#include "shared/value/codec.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora::test {

struct RowCall {
  std::string method;
  std::vector<Packed> parameters;  ///< by position
  const Method* row = nullptr;
};

class EveryRow {
 public:
  /// @param anonymous  the name of an anonymous object, to which stored values refer
  explicit EveryRow(std::string anonymous) : anonymous_(std::move(anonymous)) {}

  /// Returns the calls that make one object of each type, named as its type.
  std::vector<RowCall> world() const {
    std::vector<RowCall> calls;
    for (const char* type :
         {"dict", "list", "set", "namespace", "array", "value", "queue", "pipe", "topic", "lock",
          "rlock", "rwlock", "semaphore", "condition", "event", "barrier", "latch", "counter"}) {
      calls.push_back(
          {"object.create", {pack(type), pack(type), list(arguments_of(type))}, nullptr});
    }
    calls.push_back({"queue.put", {pack("queue"), value(), pack(0)}, nullptr});
    calls.push_back({"queue.put", {pack("queue"), value(), pack(0)}, nullptr});
    calls.push_back({"pipe.send", {pack("pipe"), pack(0), value(), pack(0)}, nullptr});
    calls.push_back({"topic.publish", {pack("topic"), value()}, nullptr});
    return calls;
  }

  /// Returns the calls of object.create: for each creatable type, with all its arguments.
  std::vector<RowCall> creations(const Catalogue& catalogue) const {
    std::vector<RowCall> calls;
    for (const ObjectType* type : catalogue.types()) {
      if (type->create == nullptr) continue;
      const std::string name{type->name};
      calls.push_back({"object.create",
                       {pack(name), pack("new"), list(arguments_of(name))},
                       row_of(catalogue, "object.create")});
      calls.push_back({"object.create",
                       {pack(name), pack("#"), list(arguments_of(name)), local()},
                       row_of(catalogue, "object.create")});
      calls.back().parameters[1] = Packed{};
    }
    return calls;
  }

  /// Returns a call of each row whose type is given (all types: empty), all parameters given.
  std::vector<RowCall> calls(const Catalogue& catalogue) const {
    std::vector<RowCall> calls;
    for (const ObjectType* type : catalogue.types()) {
      for (const Method& method : type->methods) {
        const MethodRef ref = MethodRef::of(*type, method);
        RowCall call;
        call.method = type->name.empty() ? std::string{method.name}
                                         : std::string{type->name} + "." + std::string{method.name};
        call.row = &method;
        if (ref.on_object) call.parameters.push_back(pack(std::string{type->name}));
        for (const Parameter& parameter : method.parameters) {
          call.parameters.push_back(parameter_of(*type, method, parameter));
        }
        calls.push_back(std::move(call));
      }
    }
    return calls;
  }

  /// Returns a large value that refers to the anonymous object.
  Packed value() const {
    std::string packed;
    Writer out{packed};
    out.list(2), out.text(std::string(100, 'z')), out.reference(anonymous_);
    return Packed{packed};
  }
  static Packed list(const std::vector<Packed>& elements) {
    std::string packed;
    Writer out{packed};
    out.list(static_cast<std::uint32_t>(elements.size()));
    for (const Packed& each : elements) out.packed(each);
    return Packed{packed};
  }

 private:
  static const Method* row_of(const Catalogue& catalogue, std::string_view name) {
    return catalogue.find(name)->method;
  }
  static Packed local() {
    std::string packed;
    Writer out{packed};
    out.map(1), out.text("local"), out.boolean(true);
    return Packed{packed};
  }

  std::vector<Packed> arguments_of(std::string_view type) const {
    if (type == "dict")
      return {list({list({pack("a"), value()}), list({pack("a"), pack(1)}),
                    list({pack("b"), value()}), list({pack("n"), pack(1)})})};
    if (type == "list") return {list({pack(3), value(), pack(2), value()})};
    if (type == "set") return {list({pack("a"), value(), value(), pack("b")})};
    if (type == "namespace") {
      std::string packed;
      Writer out{packed};
      out.map(2);
      out.text("a"), out.packed(value());
      out.text("b"), out.integer(1);
      return {Packed{packed}};
    }
    if (type == "array") return {pack("q"), list({pack(1), pack(2), pack(3)})};
    if (type == "value") return {pack("q"), pack(5)};
    if (type == "semaphore" || type == "latch" || type == "counter") return {pack(3)};
    if (type == "barrier") return {pack(2)};
    return {};
  }

  Packed parameter_of(const ObjectType& type, const Method& method,
                      const Parameter& parameter) const {
    const std::string_view name = parameter.name;
    const std::string_view of = type.name;
    const bool numbers = of == "array" || of == "value";
    if (name == "name") return pack("dict");
    if (name == "names") return list({pack("queue")});
    if (name == "timeout" || name == "delay") return pack(0);
    if (name == "key" && method.name == "add") return pack("n");
    if (name == "key" && of == "object") return Packed{};
    if (name == "key" || name == "attribute" || name == "keys") {
      return name == "keys" ? list({pack("b"), pack("none")}) : pack("b");
    }
    if (name == "value" && of == "set") return pack("a");
    if (name == "value" && method.name == "remove") return pack(2);
    if (name == "value" && method.name == "index") return pack(2);
    if (name == "value" || name == "item" || name == "expected" || name == "default") {
      return numbers ? pack(1) : value();
    }
    if (name == "items") return list({value(), value()});
    if (name == "values" && of == "dict") {
      return list({list({pack("c"), value()}), list({pack("c"), pack(1)})});
    }
    if (name == "values" && numbers) return list({pack(7)});
    if (name == "values" || name == "other") return list({value(), pack("b")});
    if (name == "amount" || name == "n" || name == "max" || name == "end") {
      return pack(name == "end" && method.name == "receive" ? 1 : name == "end" ? 0 : 1);
    }
    if (name == "start") return pack(0);
    if (name == "stop") return pack(1);
    if (name == "step" || name == "from_version" || name == "cursor") {
      return name == "step" && method.name == "set_slice" && of == "array" ? pack(1) : Packed{};
    }
    if (name == "type") return pack("dict");
    if (name == "args") return list({});
    if (name == "options") return Packed{std::string{"\x80"}};
    if (name == "calls" || name == "numbers" || name == "require") return list({});
    switch (parameter.kind) {
      case ParamKind::integer:
        return pack(parameter.fallback.is == Default::Is::integer
                        ? static_cast<int>(parameter.fallback.integer)
                        : 0);
      case ParamKind::number:
      case ParamKind::seconds:
        return pack(10);
      case ParamKind::boolean:
        return pack(false);
      case ParamKind::text:
        return pack(std::string{parameter.fallback.text});
      default:
        return Packed{};
    }
  }

  std::string anonymous_;
};

}  // namespace agora::test
