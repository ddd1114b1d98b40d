// A secret that nobody can guess: what becomes the token of a session.
#pragma once

#include <string>

namespace agora {

/// 32 hexadecimal digits from the kernel's random numbers. @throws std::runtime_error  it has none.
std::string random_secret();

}  // namespace agora
