#include "client/src/session/waiting_methods.hpp"

#include <algorithm>
#include <iterator>

namespace agora::detail {
namespace {

constexpr std::string_view kWaiting[] = {
    "barrier.wait",
    "condition.acquire",
    "condition.wait",
    "counter.wait_at_least",
    "dict.wait_for",
    "event.wait",
    "latch.wait",
    "lock.acquire",
    "pipe.poll",
    "pipe.receive",
    "pipe.send",
    "pool.join",
    "pool.result",
    "pool.take",
    "queue.get",
    "queue.get_many",
    "queue.join",
    "queue.put",
    "queue.put_many",
    "queue.reserve",
    "rlock.acquire",
    "rwlock.acquire_read",
    "rwlock.acquire_write",
    "semaphore.acquire",
};

}  // namespace

bool waits(std::string_view method) { return std::ranges::binary_search(kWaiting, method); }

}  // namespace agora::detail
