// JSON numbers that no double can hold, which nlohmann's parser takes for the end of the text.
#pragma once

#include <string>
#include <string_view>

namespace agora {

/// The JSON text with each number beyond float64 replaced by an integer of twenty digits, which is
/// out of range as well but does not stop the parser. Linear.
std::string mend_overflows(std::string_view text);

}  // namespace agora
