// SPDX-License-Identifier: MIT

// RegisteredType: object types made from the descriptions of users' classes.
#pragma once

#include <memory>

#include "server/core/state/object.hpp"
#include "server/objects/user/user_type.hpp"

namespace agora {

/// An object type made from a user's description; it owns the method tables.
class RegisteredType;
struct RegisteredTypeDelete {
  void operator()(RegisteredType* type) const;
};
using RegisteredTypePointer = std::unique_ptr<RegisteredType, RegisteredTypeDelete>;

/// Registers a user's type.
/// @throws std::invalid_argument  a name is no lower-case word or is taken twice, a constructor or
/// save is missing, or a row has too many parameters.
RegisteredTypePointer register_type(user_type description);
const ObjectType& object_type(const RegisteredType& type);

}  // namespace agora
