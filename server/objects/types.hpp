// SPDX-License-Identifier: MIT

// Types: the list of all types. A type that is not in it does not exist.
#pragma once

#include <vector>

#include "server/core/state/object.hpp"

namespace agora {

// Each function is defined in the file of its type.
const ObjectType& root_methods();         ///< ping, help: methods without a type's name
const ObjectType& server_methods();       ///< server.*
const ObjectType& object_methods();       ///< object.*
const ObjectType& session_methods();      ///< session.*
const ObjectType& transaction_methods();  ///< transaction.*
const ObjectType& array_type();
const ObjectType& barrier_type();
const ObjectType& condition_type();
const ObjectType& counter_type();
const ObjectType& dict_type();
const ObjectType& event_type();
const ObjectType& latch_type();
const ObjectType& list_type();
const ObjectType& lock_type();
const ObjectType& namespace_type();
const ObjectType& pipe_type();
const ObjectType& queue_type();
const ObjectType& rlock_type();
const ObjectType& rwlock_type();
const ObjectType& semaphore_type();
const ObjectType& set_type();
const ObjectType& topic_type();
const ObjectType& value_type();

/// Returns all types, in the order in which help lists them.
std::vector<const ObjectType*> all_types();

}  // namespace agora
