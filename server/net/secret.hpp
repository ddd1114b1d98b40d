// SPDX-License-Identifier: MIT

// An unguessable secret: the token with which a session is resumed.
#pragma once

#include <string>

namespace agora {

/// Returns 32 hexadecimal digits from getrandom(2).
/// @throws std::runtime_error  the kernel gives no random bytes.
std::string random_secret();

}  // namespace agora
