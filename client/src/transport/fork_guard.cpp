// SPDX-License-Identifier: MIT

#include "client/src/transport/fork_guard.hpp"

#include <atomic>
#include <mutex>
#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <unordered_set>

#include "client/src/transport/socket.hpp"

namespace agora::detail {
namespace {

struct Registry {
  std::mutex mutex;
  std::unordered_set<Socket*> sockets;
  std::atomic<std::uint64_t> last_epoch{0};     // of this process or its parent
  std::atomic<std::uint64_t>* epoch = nullptr;  // in a page that the kernel wipes in a child
};

Registry& registry();

// Closes the sockets that were opened before this process had its epoch.
void close_inherited_sockets(Registry& all, std::uint64_t mine) {
  std::erase_if(all.sockets, [mine](Socket* socket) {
    const bool inherited = socket->epoch() != mine;
    if (inherited) socket->close_inherited();
    return inherited;
  });
}

// Fork handlers: they hold the registry's mutex across the fork, so the child finds it consistent.
void before_fork() { registry().mutex.lock(); }
void after_fork_in_parent() { registry().mutex.unlock(); }
void after_fork_in_child() {
  Registry& all = registry();
  all.epoch->store(0, std::memory_order_relaxed);  // in case the kernel could not wipe the page
  close_inherited_sockets(all, 0);
  all.mutex.unlock();
}

// Never destroyed: objects with static storage may use it until the process exits.
Registry* make_registry() {
  auto* made = new Registry;
  constexpr std::size_t kPageBytes = 4096;
  void* page =
      mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  // On an old kernel without MADV_WIPEONFORK the fork handler alone resets the epoch.
  static_cast<void>(madvise(page, kPageBytes, MADV_WIPEONFORK));
  made->epoch = new (page) std::atomic<std::uint64_t>(0);
  return made;
}

Registry& registry() {
  static Registry* const made = make_registry();
  // Registered after the registry is made, since the handlers use it.
  static const int handlers =
      pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  static_cast<void>(handlers);
  return *made;
}

std::uint64_t new_epoch(Registry& all) {
  std::uint64_t none = 0;
  const std::uint64_t before = all.last_epoch.load();
  const std::uint64_t mine = before + 1;
  if (!all.epoch->compare_exchange_strong(none, mine)) return none;
  all.last_epoch.store(mine);
  // In a child of a bare clone() no handler ran. If a thread of the parent held the mutex, it stays
  // locked here for ever; the only consequence is that the inherited descriptors stay open.
  if (before != 0 && all.mutex.try_lock()) {
    close_inherited_sockets(all, mine);
    all.mutex.unlock();
  }
  return mine;
}

}  // namespace

std::uint64_t process_epoch() {
  Registry& all = registry();
  const std::uint64_t epoch = all.epoch->load(std::memory_order_acquire);
  return epoch != 0 ? epoch : new_epoch(all);
}

ForkPause::ForkPause() { registry().mutex.lock(); }

ForkPause::~ForkPause() { registry().mutex.unlock(); }

void ForkPause::add(Socket& socket) { registry().sockets.insert(&socket); }

void unregister_socket(Socket& socket) {
  const std::lock_guard guard(registry().mutex);
  registry().sockets.erase(&socket);
}

}  // namespace agora::detail
