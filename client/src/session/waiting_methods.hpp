// Which methods of the catalogue wait.
#pragma once

#include <string_view>

namespace agora::detail {

/// True for the methods that the catalogue marks with w: they end by themselves, so no deadline of
/// the client cuts them off and loses what they hand out. A raw call of a user's own waiting method
/// has the usual deadline.
bool waits(std::string_view method);

}  // namespace agora::detail
