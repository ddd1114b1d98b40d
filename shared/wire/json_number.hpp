// JSON numbers that no double can hold, which nlohmann's parser takes for the end of the text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agora {

/// The JSON text with each number beyond float64 replaced by an integer of twenty digits, which is
/// out of range as well but does not stop the parser. Linear.
/// @param numbers_max  how many numbers to look at; the text behind them stays as it is
std::string clamp_overflows(std::string_view text, std::uint64_t numbers_max);

}  // namespace agora
