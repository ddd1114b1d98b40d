// SPDX-License-Identifier: MIT

// ThreadSlots: the owner slots of the calling thread in lock words, one for each mapping.
// namespace agora::detail: no part of the API.
#pragma once

#include <cstdint>
#include <memory>

namespace agora::detail {

class Client;

class ThreadSlots {
 public:
  /// Stores the thread's owner slot of that mapping in `slot`, or 0 if the server had none left.
  /// Returns false if the thread has to ask the server for a slot: it has not asked yet, or the
  /// server had none left a second ago or earlier. Cost: one comparison for the mapping that the
  /// thread used last.
  static bool find(std::uint64_t mapping, std::uint32_t& slot) {
    if (last_mapping != mapping || last_slot == 0) return find_other(mapping, slot);
    slot = last_slot;
    return true;
  }
  /// Returns the thread's slot if it used this mapping last, else 0.
  static std::uint32_t last(std::uint64_t mapping) {
    return last_mapping == mapping ? last_slot : 0;
  }
  /// Stores a slot that the server gave. It is released when the thread ends.
  static void add(std::uint64_t mapping, std::uint32_t slot, std::weak_ptr<Client> client,
                  std::uint64_t session);

 private:
  static bool find_other(std::uint64_t mapping, std::uint32_t& slot);

  static constinit thread_local std::uint64_t last_mapping;
  static constinit thread_local std::uint32_t last_slot;
};

}  // namespace agora::detail
