// SPDX-License-Identifier: MIT

// MemoryReserve: memory set aside for the time when the system refuses more.
//
// Under `ulimit -v`, or where the kernel does not overcommit, an allocation may fail. A large one
// is made for one message, and that message or its connection can be refused. A small one can be
// made anywhere, in the middle of a change. The reserve lets it succeed; until the reserve is whole
// again, the server refuses calls that store more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace agora {

/// A process has one reserve, since it has one handler of failed allocations (std::new_handler).
class MemoryReserve {
 public:
  static constexpr std::size_t kBytes = std::size_t{2} << 20;

  /// Sets the reserve aside and installs the handler. Programs that embed a server need not.
  static void install() {
    memory() = std::malloc(kBytes);
    std::set_new_handler(use);
    wanted() = true;
  }

  /// Returns false while the reserve is in use: the system has refused memory, and still does.
  /// Tries to set it aside again. Cost: a load while it is whole.
  static bool is_whole() {
    if (memory().load(std::memory_order_relaxed) != nullptr) return true;
    if (!wanted().load(std::memory_order_relaxed)) return true;
    memory() = std::malloc(kBytes);
    return memory() != nullptr;
  }

 private:
  /// Lets the allocation that failed be tried again with the memory of the reserve, once.
  static void use() {
    void* const kept = memory().exchange(nullptr);
    if (kept == nullptr) throw std::bad_alloc{};
    std::free(kept);
  }

  static std::atomic<void*>& memory() {
    static std::atomic<void*> kept{nullptr};
    return kept;
  }
  static std::atomic<bool>& wanted() {
    static std::atomic<bool> installed{false};
    return installed;
  }
};

}  // namespace agora
