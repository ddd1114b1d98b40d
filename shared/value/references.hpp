// SPDX-License-Identifier: MIT

// The references inside a value: whether there are any, and a visitor for each.
#pragma once

#include "shared/value/msgpack_reader.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// Returns true if the value is, or contains, a reference. Reads all tokens; has_references() is
/// faster for plain values.
bool contains_reference(PackedView value);

/// Returns true if the value is, or contains, a reference (opaque side tables included).
inline bool has_references(PackedView value) {
  return value.present() && !value.is_plain() && contains_reference(value);
}

/// Calls `visit(name)` for every reference in the value, side tables of opaque values included.
/// The std::string_view `name` lives as long as the bytes of `value`. One pass over the tokens
/// without a stack, so the depth does not matter. Cost: the tokens of `value`.
template <typename Visit>
void each_reference(PackedView value, Visit&& visit) {
  Reader reader(value);
  Token token;
  while (!reader.at_end() && reader.next(token) == Reader::Status::ok) {
    if (token.kind == Kind::reference) visit(token.body);
    if (token.kind != Kind::opaque) continue;
    // A side table holds references only, so there is exactly one more level.
    Reader side_table(token.body);
    Token entry;
    while (!side_table.at_end() && side_table.next(entry) == Reader::Status::ok) {
      if (entry.kind == Kind::reference) visit(entry.body);
    }
  }
}

}  // namespace agora
