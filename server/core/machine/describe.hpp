// The tables told to people and programs: help text, the catalogue as data, reference pages.
#pragma once

#include <string>
#include <string_view>

#include "server/core/state/catalogue.hpp"
#include "shared/base/expected.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {

/// What `help [topic]` prints: several lines, no trailing newline. Topic: empty, a type's name,
/// "type.method", or "errors".
/// @error not_found  no such topic; names the nearest.
Expected<std::string> help_text(const Catalogue& catalogue, std::string_view topic);

/// The catalogue as one value: {types: [{name, doc, arguments, options, methods: [...]}], errors}.
void write_catalogue(Writer& out, const Catalogue& catalogue);

/// The reference page of a type, Markdown.
std::string reference_page(const ObjectType& type);
/// The reference page of the errors, Markdown.
std::string errors_page();

/// `text` as it may stand between the quotes of a Graphviz string.
std::string dot_text(std::string_view text);

}  // namespace agora
