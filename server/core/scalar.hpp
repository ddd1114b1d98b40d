// One scalar, or the header of one container, out of a value at rest.
#pragma once

#include "shared/value/msgpack_reader.hpp"

namespace agora {

/// The first token of a present value in normal form.
inline Token read(PackedView value) {
  Token token;
  Reader reader{value};
  static_cast<void>(reader.next(token));
  return token;
}

}  // namespace agora
