// SPDX-License-Identifier: MIT

#include "server/core/machine/describe.hpp"

#include <algorithm>
#include <vector>

#include "server/core/machine/creation.hpp"
#include "server/core/state/signature.hpp"
#include "shared/base/nearest.hpp"
#include "shared/value/error_text.hpp"

namespace agora {
namespace {

constexpr std::string_view kWelcome =
    "agora: a place where processes meet. Type a method and its parameters:\n"
    "\n"
    "  object.create dict jobs       makes a dict named jobs\n"
    "  dict.set jobs k 1             null\n"
    "  dict.get jobs k               1\n"
    "  object.list                   what is here\n"
    "  server.locks                  who holds which lock\n"
    "  server.waits                  who waits for whom\n"
    "\n"
    "Words are JSON or plain text; x=y names a parameter; an empty line cancels a call that "
    "waits;\n"
    "quit closes. JSON-RPC 2.0 lines work here as well.\n"
    "\n"
    "help TYPE, help TYPE.METHOD (for example: help queue.get), help errors. The types:\n";

std::string padded(std::string_view text, std::size_t width) {
  std::string out{text};
  if (out.size() < width) out.append(width - out.size(), ' ');
  return out + "  ";
}

std::string first_sentence(std::string_view doc) {
  const std::size_t end = doc.find(". ");
  return std::string{end == std::string_view::npos ? doc : doc.substr(0, end + 1)};
}

std::string overview(const Catalogue& catalogue) {
  std::string text{kWelcome};
  for (const ObjectType* type : catalogue.types()) {
    if (type->name.empty()) continue;
    text += "\n  " + padded(type->name, 10) + first_sentence(type->doc);
  }
  return text;
}

void list_parameters(std::string& text, std::string_view title,
                     std::span<const Parameter> parameters) {
  if (parameters.empty()) return;
  text += "\n\n" + std::string{title};
  for (const Parameter& parameter : parameters) {
    const std::string fallback = default_text_of(parameter);
    text += "\n  " + padded(parameter.name, 14) + std::string{to_string(parameter.kind)};
    if (!fallback.empty()) text += ", default " + fallback;
    text += ". " + std::string{parameter.doc};
  }
}

std::string type_help(const ObjectType& type) {
  std::string text = std::string{type.name} + ": " + std::string{type.doc};
  if (type.create != nullptr) {
    text += "\n\nMake one: object.create " + std::string{type.name} + " NAME";
    list_parameters(text, "args:", type.arguments);
    list_parameters(text, "options:", type.options);
  }
  text += "\n\nMethods:";
  std::size_t width = 0;
  for (const Method& method : type.methods) {
    width = std::max(width, signature(MethodRef::of(type, method)).size());
  }
  width = std::min<std::size_t>(width, 48);
  for (const Method& method : type.methods) {
    text +=
        "\n  " + padded(signature(MethodRef::of(type, method)), width) + first_sentence(method.doc);
  }
  return text;
}

std::string error_names(const Method& method) {
  std::string names;
  for (const Errc code : method.errors) {
    if (!names.empty()) names += ", ";
    names += type_name(code);
  }
  return names.empty() ? "none of its own" : names;
}

std::string method_help(const MethodRef& ref) {
  const Method& method = *ref.method;
  std::string text = signature(ref) + "\n" + std::string{method.doc};
  std::vector<Parameter> parameters;
  for (std::size_t i = 0; i < parameter_count(ref); ++i) {
    parameters.push_back(parameter_at(ref, i));
  }
  list_parameters(text, "parameters:", parameters);
  text += "\n\nresult: " + std::string{method.result};
  text += "\nerrors: " + error_names(method);
  text += std::string{"\n"} + (method.access == Access::read ? "reads" : "writes") +
          (method.waits() ? ", may wait" : "") + ". Role: " + std::string{to_string(ref.role)} +
          ". Cost: " + std::string{method.cost} + ".";
  text += "\nif the reply is lost: " + std::string{method.if_reply_lost};
  return text;
}

std::string errors_help() {
  std::string text = "Errors, by number. Each says in `done` whether the effect happened.\n";
  for (const ErrcRow& row : errc_table()) {
    text += "\n  " + padded(std::to_string(static_cast<std::int32_t>(row.code)), 6) +
            padded(row.type, 15) + std::string{row.doc};
  }
  return text;
}

Failure no_topic(const Catalogue& catalogue, std::string_view topic) {
  std::vector<std::string_view> names{"errors"};
  for (const ObjectType* type : catalogue.types()) {
    if (!type->name.empty()) names.push_back(type->name);
  }
  names.insert(names.end(), catalogue.names().begin(), catalogue.names().end());
  std::string message = "there is no help on " + shown(topic);
  const auto near = nearest(topic, names);
  for (std::size_t i = 0; i < near.size(); ++i) {
    message += i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ";
    message += near[i];
  }
  if (near.empty()) message += "; plain help lists what there is";
  return fail(Errc::not_found, std::move(message));
}

// ---- the catalogue as data -----------------------------------------------------------------

void write_default(Writer& out, const Default& fallback) {
  switch (fallback.is) {
    case Default::Is::integer:
      return out.integer(fallback.integer);
    case Default::Is::boolean:
      return out.boolean(fallback.integer != 0);
    case Default::Is::text:
      return out.text(fallback.text);
    case Default::Is::required:
    case Default::Is::required_or_null:
    case Default::Is::absent:
    case Default::Is::null:
      return out.null();
  }
}

void write_parameter(Writer& out, const Parameter& parameter) {
  const bool has_default = !parameter.is_required() && parameter.fallback.is != Default::Is::absent;
  out.map(has_default ? 5 : 4);
  out.text("name"), out.text(parameter.name);
  out.text("type"), out.text(to_string(parameter.kind));
  out.text("required"), out.boolean(parameter.is_required());
  if (has_default) out.text("default"), write_default(out, parameter.fallback);
  out.text("doc"), out.text(parameter.doc);
}

void write_parameters(Writer& out, std::span<const Parameter> parameters) {
  out.list(static_cast<std::uint32_t>(parameters.size()));
  for (const Parameter& parameter : parameters) write_parameter(out, parameter);
}

void write_method(Writer& out, const MethodRef& ref) {
  const Method& method = *ref.method;
  out.map(11);
  out.text("name"), out.text(full_name(ref));
  out.text("parameters"), out.list(static_cast<std::uint32_t>(parameter_count(ref)));
  for (std::size_t i = 0; i < parameter_count(ref); ++i) write_parameter(out, parameter_at(ref, i));
  out.text("result"), out.text(method.result);
  out.text("errors"), out.list(static_cast<std::uint32_t>(method.errors.size()));
  for (const Errc code : method.errors) out.text(type_name(code));
  out.text("reads"), out.boolean(method.access == Access::read);
  out.text("waits"), out.boolean(method.waits());
  out.text("redelivers"), out.boolean(method.redelivers);
  out.text("role"), out.text(to_string(ref.role));
  out.text("cost"), out.text(method.cost);
  out.text("doc"), out.text(method.doc);
  out.text("lost"), out.text(method.if_reply_lost);
}

// ---- reference pages -----------------------------------------------------------------------

/// Escapes a text for a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void parameter_table(std::string& page, std::span<const Parameter> parameters) {
  page += "\n| parameter | type | default | meaning |\n| --- | --- | --- | --- |\n";
  for (const Parameter& parameter : parameters) {
    std::string fallback = default_text_of(parameter);
    if (parameter.is_required()) fallback = "(required)";
    if (parameter.fallback.is == Default::Is::absent) fallback = "(may be left out)";
    page += "| `" + std::string{parameter.name} + "` | " + cell(to_string(parameter.kind)) + " | " +
            cell(fallback) + " | " + cell(parameter.doc) + " |\n";
  }
}

std::string method_section(const MethodRef& ref) {
  const Method& method = *ref.method;
  std::string page = "\n## " + full_name(ref) + "\n\n`" + signature(ref) + "` → " +
                     std::string{method.result} + "\n\n" + std::string{method.doc} + "\n";
  if (method.parameters.size() > 0) {
    parameter_table(page, {method.parameters.begin(), method.parameters.size()});
  }
  page += "\n* Errors: " + error_names(method) + "\n";
  page += std::string{"* "} + (method.access == Access::read ? "Reads" : "Writes") +
          (method.waits() ? "; may wait" : "") + ". Role: `" + std::string{to_string(ref.role)} +
          "`. Cost: " + std::string{method.cost} + ".\n";
  return page + "* If the reply is lost: " + std::string{method.if_reply_lost} + "\n";
}

}  // namespace

Expected<std::string> help_text(const Catalogue& catalogue, std::string_view topic) {
  if (topic.empty()) return overview(catalogue);
  if (topic == "errors") return errors_help();
  if (const ObjectType* type = catalogue.type(topic)) return type_help(*type);
  if (const MethodRef* ref = catalogue.find(topic)) return method_help(*ref);
  return no_topic(catalogue, topic);
}

void write_catalogue(Writer& out, const Catalogue& catalogue) {
  out.map(3);
  out.text("types"), out.list(static_cast<std::uint32_t>(catalogue.types().size()));
  for (const ObjectType* type : catalogue.types()) {
    out.map(6);
    out.text("name"), out.text(type->name);
    out.text("doc"), out.text(type->doc);
    out.text("creatable"), out.boolean(type->create != nullptr);
    out.text("arguments"), write_parameters(out, type->arguments);
    out.text("options"), write_parameters(out, type->options);
    out.text("methods"), out.list(static_cast<std::uint32_t>(type->methods.size()));
    for (const Method& method : type->methods) write_method(out, MethodRef::of(*type, method));
  }
  out.text("options"), write_parameters(out, common_options());
  out.text("errors"), out.list(static_cast<std::uint32_t>(errc_table().size()));
  for (const ErrcRow& row : errc_table()) {
    out.map(3);
    out.text("code"), out.integer(static_cast<std::int32_t>(row.code));
    out.text("type"), out.text(row.type);
    out.text("doc"), out.text(row.doc);
  }
}

std::string reference_page(const ObjectType& type) {
  const std::string title = type.name.empty() ? "ping and help" : std::string{type.name};
  std::string page = "<!-- Generated from the method table; do not edit. -->\n\n# " + title +
                     "\n\n" + std::string{type.doc} + "\n";
  if (type.create != nullptr) {
    page += "\nMade with `object.create " + std::string{type.name} + " NAME`.\n";
    if (!type.arguments.empty()) {
      page += "\nArguments (`args`):\n";
      parameter_table(page, type.arguments);
    }
    if (!type.options.empty()) {
      page += "\nOptions, beside those of [object.create](object.md):\n";
      parameter_table(page, type.options);
    }
  }
  for (const Method& method : type.methods) page += method_section(MethodRef::of(type, method));
  return page;
}

std::string errors_page() {
  std::string page =
      "<!-- Generated from the error table; do not edit. -->\n\n# Errors\n\n"
      "| code | type | meaning |\n| --- | --- | --- |\n";
  for (const ErrcRow& row : errc_table()) {
    page += "| " + std::to_string(static_cast<std::int32_t>(row.code)) + " | `" +
            std::string{row.type} + "` | " + cell(row.doc) + " |\n";
  }
  return page;
}

std::string dot_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace agora
