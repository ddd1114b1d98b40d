// SPDX-License-Identifier: MIT

// check_scope: the one place that keeps a client with `names=PREFIX` from all other objects.
#pragma once

#include "server/core/methods/command.hpp"
#include "server/core/state/catalogue.hpp"
#include "server/core/state/name_scope.hpp"
#include "shared/base/expected.hpp"

namespace agora {

/// Checks every object's name and reference in the parameters of a call: names, patterns of
/// watch_names, stored values, options, the guard, and the calls of a transaction. It looks no
/// object up, so the error does not tell whether the object exists.
/// @error forbidden  the scope does not allow one of them.
Expected<void> check_scope(const NameScope& scope, Role role, const Catalogue& catalogue,
                           const Batch& batch, const Command& command);

}  // namespace agora
