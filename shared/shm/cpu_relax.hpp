// SPDX-License-Identifier: MIT

// cpu_relax(): the pause hint for spin loops.
#pragma once

namespace agora::shm {

/// Tells the core that this thread spins, so that a sibling hyper-thread gets its resources.
inline void cpu_relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace agora::shm
