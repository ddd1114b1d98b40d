// SPDX-License-Identifier: MIT

// clamp_overflows(): replaces JSON numbers outside the range of a double, at which nlohmann's
// parser would stop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agora {

/// Returns the JSON text with each number beyond float64 replaced by an integer of twenty digits,
/// which is out of range as well but does not stop the parser. Linear.
/// @param numbers_max  how many numbers to check; the text behind them is copied unchanged
std::string clamp_overflows(std::string_view text, std::uint64_t numbers_max);

}  // namespace agora
