// What a thread says to its core while it waits in a loop.
#pragma once

namespace agora::shm {

/// Lets the other thread of this core go on, if there is one.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace agora::shm
