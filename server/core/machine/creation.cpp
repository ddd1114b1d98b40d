// SPDX-License-Identifier: MIT

#include "server/core/machine/creation.hpp"

#include <array>

#include "server/core/methods/scalar.hpp"
#include "shared/value/error_text.hpp"
#include "shared/value/msgpack_reader.hpp"

namespace agora {
namespace {

constexpr std::array<Parameter, 4> kCommonOptions{{
    {"exist_ok", ParamKind::boolean, default_bool(true),
     "False: an existing object of that name is an error (Exists)."},
    {"ephemeral", ParamKind::boolean, default_bool(false),
     "True: the object dies with the session that creates it."},
    {"ttl", ParamKind::seconds, kNull, "Seconds after which the object dies; null: never."},
    {"local", ParamKind::boolean, kNull,
     "Whether programs on the same host may use the object's words in shared memory."},
}};

std::string option_names(const ObjectType& type) {
  std::string names;
  for (const auto list : {type.options, std::span<const Parameter>{kCommonOptions}}) {
    for (const Parameter& option : list) {
      if (!names.empty()) names += ", ";
      names += option.name;
    }
  }
  return names;
}

Failure misfit(std::string_view where, const Parameter& parameter, PackedView value) {
  return fail(Errc::invalid_params, std::string{where} + " " + std::string{parameter.name} + ": " +
                                        expected_got(parameter, value));
}

Expected<void> read_arguments(const ObjectType& type, PackedView arguments, Creation& creation) {
  creation.arguments.resize(type.arguments.size());
  if (!arguments.present()) return {};
  Reader reader{arguments};
  Token head;
  static_cast<void>(reader.next(head));
  if (head.count > type.arguments.size()) {
    return fail(Errc::invalid_params, "args: " + std::string{type.name} + " takes at most " +
                                          std::to_string(type.arguments.size()) + ", got " +
                                          std::to_string(head.count));
  }
  for (std::uint32_t i = 0; i < head.count; ++i) {
    const PackedView value = reader.value();
    if (!fits(value, type.arguments[i])) return misfit("argument", type.arguments[i], value);
    creation.arguments[i] = value;
  }
  return {};
}

Expected<void> take_common(const Parameter& option, PackedView value, CommonOptions& common) {
  if (option.name == "exist_ok") common.exist_ok = read(value).boolean;
  if (option.name == "ephemeral") common.ephemeral = read(value).boolean;
  if (option.name == "local" && !value.is_null()) common.local = read(value).boolean;
  if (option.name == "ttl" && !value.is_null()) {
    if (auto ok = check_seconds("ttl", value, Limits{}.timeout_seconds_max); !ok) return ok;
    common.ttl = span_of(value);
  }
  return {};
}

const Parameter* find(std::span<const Parameter> list, std::string_view name) {
  for (const Parameter& parameter : list) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

}  // namespace

std::span<const Parameter> common_options() { return kCommonOptions; }

Expected<void> read_creation(const ObjectType& type, PackedView arguments, PackedView options,
                             Creation& creation, CommonOptions& common) {
  creation.options.resize(type.options.size());
  if (options.present()) {
    Reader reader{options};
    Token head;
    static_cast<void>(reader.next(head));
    for (std::uint32_t i = 0; i < head.count; ++i) {
      const PackedView key = reader.value();
      const PackedView value = reader.value();
      const std::string name{key.kind() == Kind::text ? read(key).body : std::string_view{"?"}};
      const Parameter* own = find(type.options, name);
      const Parameter* shared = find(kCommonOptions, name);
      if (own == nullptr && shared == nullptr) {
        return fail(Errc::value_error, "unknown option " + shown(name) + " for " +
                                           std::string{type.name} + "; it takes " +
                                           option_names(type));
      }
      const Parameter& option = own != nullptr ? *own : *shared;
      if (!fits(value, option)) return misfit("option", option, value);
      if (own != nullptr) {
        creation.options[static_cast<std::size_t>(own - type.options.data())] = value;
      } else if (auto ok = take_common(option, value, common); !ok) {
        return ok;
      }
    }
  }
  return read_arguments(type, arguments, creation);
}

std::string_view to_string(ParamKind kind) {
  switch (kind) {
    case ParamKind::any:
      return "any";
    case ParamKind::name:
      return "name";
    case ParamKind::text:
      return "text";
    case ParamKind::integer:
      return "int";
    case ParamKind::number:
      return "number";
    case ParamKind::boolean:
      return "bool";
    case ParamKind::list:
      return "list";
    case ParamKind::map:
      return "map";
    case ParamKind::pairs:
      return "map or list of pairs";
    case ParamKind::seconds:
      return "seconds";
  }
  return "any";
}

std::string expected_got(const Parameter& parameter, PackedView value) {
  std::string text = "expected ";
  text += to_string(parameter.kind);
  if (parameter.takes_null()) text += " or null";
  text += ", got ";
  text += to_string(value.kind());
  const Token token = read(value);
  if (token.kind == Kind::integer) {
    text += " " + decimal(token);
  } else if (token.kind == Kind::text) {
    text += " \"" + shown(token.body) + "\"";
  } else if (token.kind == Kind::boolean) {
    text += token.boolean ? " true" : " false";
  }
  return text;
}

Expected<void> check_seconds(std::string_view parameter, PackedView value, double most,
                             bool takes_null) {
  const Token token = read(value);
  const double count = token.kind == Kind::real ? token.real
                       : token.negative         ? static_cast<double>(token.integer)
                                                : static_cast<double>(token.natural);
  if (count >= 0 && count <= most) return {};  // false for NaN
  // A lease of 0 seconds is refused by its method: it would be over at once.
  const std::string least = parameter == "lease" ? "more than 0, at most " : "0 to ";
  const std::string range = least + std::to_string(static_cast<std::int64_t>(most));
  return fail(Errc::value_error, std::string{parameter} + " must be " + range + " seconds" +
                                     (takes_null ? ", or null for no end" : ""));
}

Expected<void> check_not_lent(const Object& object, std::string_view what) {
  if (!object.lent) return {};
  return fail(Errc::value_error,
              std::string{object.type->name} + " " + object.name +
                  " was made with local=true: programs on this host may change it without the "
                  "server, so it cannot be " +
                  std::string{what} + "; make it with local=false");
}

Error missing_object(std::string_view name, const ObjectType& type) {
  Error error{Errc::not_found, {}, Done::no, {}};
  const std::string quoted{name};
  error.message = "there is no object " + quoted + "; create it with object.create " +
                  std::string{type.name} + " " + quoted;
  std::string packed;
  Writer{packed}.text(name);
  error.details.push_back({"object", std::move(packed)});
  return error;
}

Error wrong_type(const Object& object, const MethodRef& method) {
  Error error{Errc::wrong_type, {}, Done::no, {}};
  error.message = object.name + " is a " + std::string{object.type->name} + ", and " +
                  full_name(method) + " needs a " + std::string{method.type->name};
  std::string packed;
  Writer{packed}.text(object.name);
  error.details.push_back({"object", std::move(packed)});
  return error;
}

Error memory_full(std::size_t cap) {
  Error error{Errc::out_of_memory, {}, Done::no, {}};
  error.message = "the memory cap of " + std::to_string(cap) +
                  " bytes is reached; deletes, reads and releases still work";
  std::string packed;
  Writer{packed}.text("memory_bytes_max");
  error.details.push_back({"limit", std::move(packed)});
  return error;
}

Error system_memory_full() {
  return {Errc::out_of_memory,
          "the system gives the server no more memory; deletes, reads and releases still work",
          Done::no,
          {}};
}

Error reply_too_large(std::size_t most) {
  Error error{Errc::too_large, {}, Done::yes, {}};
  error.message = "the reply is over " + std::to_string(most) + " bytes; use scan or slice";
  std::string packed;
  Writer{packed}.text("frame_bytes_max");
  error.details.push_back({"limit", std::move(packed)});
  return error;
}

}  // namespace agora
