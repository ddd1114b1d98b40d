// SPDX-License-Identifier: MIT

#include <chrono>
#include <utility>
#include <vector>

#include <agora/detail/methods.hpp>
#include <agora/detail/thread_slots.hpp>

#include "client/src/client/client.hpp"

namespace agora::detail {
namespace {

struct Entry {
  std::uint64_t mapping = 0;
  std::uint32_t slot = 0;
  std::weak_ptr<Client> client;
  std::uint64_t session = 0;
  std::chrono::steady_clock::time_point asked;
};

/// The time between two requests for a slot while the server has none left. Meanwhile the thread
/// makes calls.
constexpr std::chrono::seconds kPause{1};

/// True once the slots of the ending thread are released. Code in destructors that run later makes
/// calls.
constinit thread_local bool over = false;

/// Releases all slots when the thread ends.
struct Entries {
  std::vector<Entry> list;
  Entries() = default;
  Entries(const Entries&) = delete;
  Entries& operator=(const Entries&) = delete;
  ~Entries() {
    over = true;
    std::uint32_t none = 0;
    ThreadSlots::find(~std::uint64_t{0}, none);  // forgets the one used last
    for (const Entry& each : list) {
      const auto client = each.slot != 0 ? each.client.lock() : nullptr;
      if (client)
        client->start_in(each.session, methods::session_release_slot, params_of(each.slot));
    }
  }
};

Entries& entries() {
  thread_local Entries of_this_thread;
  return of_this_thread;
}

}  // namespace

constinit thread_local std::uint64_t ThreadSlots::last_mapping = 0;
constinit thread_local std::uint32_t ThreadSlots::last_slot = 0;

bool ThreadSlots::find_other(std::uint64_t mapping, std::uint32_t& slot) {
  if (over) {
    last_mapping = 0;
    last_slot = slot = 0;
    return true;
  }
  for (const Entry& each : entries().list) {
    if (each.mapping != mapping) continue;
    if (each.slot == 0 && std::chrono::steady_clock::now() - each.asked >= kPause) return false;
    last_mapping = mapping;
    last_slot = slot = each.slot;
    return true;
  }
  return false;
}

void ThreadSlots::add(std::uint64_t mapping, std::uint32_t slot, std::weak_ptr<Client> client,
                      std::uint64_t session) {
  // Also drop the entries of clients that no longer exist.
  std::erase_if(entries().list, [mapping](const Entry& each) {
    return each.mapping == mapping || each.client.expired();
  });
  entries().list.push_back(
      {mapping, slot, std::move(client), session, std::chrono::steady_clock::now()});
  last_mapping = mapping;
  last_slot = slot;
}

}  // namespace agora::detail
