// Users' own classes as object types: rows, handlers and state made from a description.
#pragma once

#include <memory>

#include "server/core/state/object.hpp"
#include "server/objects/user/user_type.hpp"

namespace agora {

/// An object type made from a user's description; its tables live as long as this.
class RegisteredType;
struct RegisteredTypeDelete {
  void operator()(RegisteredType* type) const;
};
using RegisteredTypePointer = std::unique_ptr<RegisteredType, RegisteredTypeDelete>;

/// @throws std::invalid_argument  a name that is no lower-case word or is taken twice, a missing
///         constructor or save, more parameters than a row has places for.
RegisteredTypePointer register_type(user_type description);
const ObjectType& object_type(const RegisteredType& type);

}  // namespace agora
