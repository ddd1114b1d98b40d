// SPDX-License-Identifier: MIT

// The method tables for people and programs: help text, the catalogue as data, reference pages.
#pragma once

#include <string>
#include <string_view>

#include "server/core/state/catalogue.hpp"
#include "shared/base/expected.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora {

/// Returns the text of `help [topic]`: several lines, no trailing newline. The topic is empty, a
/// type's name, "type.method", or "errors".
/// @error not_found  there is no such topic; the message names the nearest ones.
Expected<std::string> help_text(const Catalogue& catalogue, std::string_view topic);

/// Writes the catalogue as one value: {types: [{name, doc, creatable, arguments, options, methods:
/// [...]}, ...], options, errors}. The outer options belong to every type.
void write_catalogue(Writer& out, const Catalogue& catalogue);

/// Returns the reference page of a type, in Markdown.
std::string reference_page(const ObjectType& type);
/// Returns the reference page of the errors, in Markdown.
std::string errors_page();

/// Escapes a text for a quoted Graphviz string.
std::string dot_text(std::string_view text);

}  // namespace agora
