// SPDX-License-Identifier: MIT

// Numbers as their C type lies in memory ("C's form"), as value and array store them, and the
// atomic replacement of such a number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/core/methods/typecodes.hpp"
#include "server/storage/words.hpp"
#include "shared/base/expected.hpp"

namespace agora {

/// Converts a narrowed value to C's form and returns its bits.
inline std::uint64_t bits_of(Typecode code, PackedView narrowed) {
  std::uint64_t bits = 0;
  write_c(code, narrowed, reinterpret_cast<std::byte*>(&bits));
  return bits;
}

/// Appends the value whose bits in C's form are `bits`.
inline void append_number(Typecode code, std::uint64_t bits, std::string& out) {
  read_c(code, reinterpret_cast<const std::byte*>(&bits), out);
}

/// Replaces a number by `change(before, wanted)`, narrowed to the typecode, in a compare-and-swap
/// loop: clients on this host may write to a shared word between the read and the write. An empty
/// `wanted` keeps the number.
/// @return the number afterwards
/// @error timeout  clients write to the word continuously; nothing was changed. Also the errors of
/// `change` and of narrowing.
template <typename Change>
Expected<std::string> replace_number(Typecode code, bool wraps, std::byte* at, Change&& change) {
  for (int attempt = 0; attempt < kCasAttemptsMax; ++attempt) {
    std::uint64_t bits = load_bits(at, c_bytes(code));
    std::string before;
    std::string wanted;
    std::string narrowed;
    append_number(code, bits, before);
    if (auto ok = change(PackedView{before}, wanted); !ok) return ok.failure();
    if (wanted.empty()) return before;
    if (auto ok = coerce(code, wraps, PackedView{wanted}, narrowed); !ok) return ok.failure();
    const std::uint64_t desired = bits_of(code, PackedView{narrowed});
    if (compare_exchange_bits(at, c_bytes(code), bits, desired)) return narrowed;
  }
  return fail(Errc::timeout, kWordBusy);
}

}  // namespace agora
