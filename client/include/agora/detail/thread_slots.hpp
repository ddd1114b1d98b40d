// ThreadSlots: by which numbers the calling thread is known in lock words, one for each mapping.
#pragma once

#include <cstdint>
#include <memory>

namespace agora::detail {

class Client;

class ThreadSlots {
 public:
  /// Whether this thread need not ask for a slot there; `slot` is what it got, 0 for none: then it
  /// asks again a second later. Cost: a comparison, for the mapping that it used last.
  static bool find(std::uint64_t mapping, std::uint32_t& slot) {
    if (last_mapping != mapping || last_slot == 0) return find_other(mapping, slot);
    slot = last_slot;
    return true;
  }
  /// That slot, if it was asked for and is of the mapping used last; else 0.
  static std::uint32_t quick(std::uint64_t mapping) {
    return last_mapping == mapping ? last_slot : 0;
  }
  /// Notes what it got. At the thread's end the slot is given back.
  static void add(std::uint64_t mapping, std::uint32_t slot, std::weak_ptr<Client> client,
                  std::uint64_t session);

 private:
  static bool find_other(std::uint64_t mapping, std::uint32_t& slot);

  static constinit thread_local std::uint64_t last_mapping;
  static constinit thread_local std::uint32_t last_slot;
};

}  // namespace agora::detail
