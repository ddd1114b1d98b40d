// SPDX-License-Identifier: MIT

// AGORA_ASSERT: checks an invariant that only a programming error can break. Stays on in release:
// a server that has lost an invariant must stop rather than go on with wrong data.
#pragma once

#include <cstdio>
#include <cstdlib>

#define AGORA_ASSERT(condition)                                                              \
  do {                                                                                       \
    if (!(condition)) [[unlikely]] {                                                         \
      std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                          \
    }                                                                                        \
  } while (false)
