// SPDX-License-Identifier: MIT

// Entry: an entry of a Table, in the arena.
#pragma once

#include <cstring>

#include "server/storage/arena.hpp"
#include "shared/shm/table_layout.hpp"

namespace agora {

using shm::Entry;

/// Returns the handle of a value stored outside its entry.
inline Handle outside_value(const Entry& entry) {
  Handle value;
  std::memcpy(&value, entry.value(), sizeof value);
  return value;
}

}  // namespace agora
