// AGORA_ASSERT: states what only a programmer's error can break. Stays on in release: a server
// that has lost an invariant must stop, not go on with wrong data.
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
