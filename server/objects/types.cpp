#include "server/objects/types.hpp"

namespace agora {

std::vector<const ObjectType*> all_types() {
  return {&root_methods(), &server_methods(), &object_methods(), &session_methods(), &transaction_methods(), &dict_type(), &list_type(),
          &value_type(),   &queue_type(),     &lock_type(),      &event_type(),
          &pipe_type(),
          &topic_type()};
}

}  // namespace agora
