// The body of each_reference, declared in shared/value/normalize.hpp.
#pragma once

#include "shared/value/msgpack_reader.hpp"
#include "shared/value/packed.hpp"

namespace agora {

/// `visit` takes a std::string_view that lives as long as the bytes of `value`. A list or map is
/// walked in one pass over its tokens, so the depth does not matter. Cost: the tokens of `value`.
template <typename Visit>
void each_reference(PackedView value, Visit&& visit) {
  Reader reader(value);
  Token token;
  while (!reader.at_end() && reader.next(token) == Reader::Status::ok) {
    if (token.kind == Kind::reference) visit(token.body);
    if (token.kind != Kind::opaque) continue;
    // A side table holds references only, so one more level is all there is.
    Reader side_table(token.body);
    Token entry;
    while (!side_table.at_end() && side_table.next(entry) == Reader::Status::ok) {
      if (entry.kind == Kind::reference) visit(entry.body);
    }
  }
}

}  // namespace agora
