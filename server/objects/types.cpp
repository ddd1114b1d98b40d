// SPDX-License-Identifier: MIT

#include "server/objects/types.hpp"

namespace agora {

std::vector<const ObjectType*> all_types() {
  // clang-format off
  return {
      &root_methods(),
      &server_methods(),
      &object_methods(),
      &session_methods(),
      &transaction_methods(),
      &dict_type(),
      &list_type(),
      &set_type(),
      &namespace_type(),
      &array_type(),
      &value_type(),
      &queue_type(),
      &pipe_type(),
      &topic_type(),
      &lock_type(),
      &rlock_type(),
      &rwlock_type(),
      &semaphore_type(),
      &condition_type(),
      &event_type(),
      &barrier_type(),
      &latch_type(),
      &counter_type(),
  };
  // clang-format on
}

}  // namespace agora
