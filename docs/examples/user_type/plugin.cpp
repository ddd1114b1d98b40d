// SPDX-License-Identifier: MIT

// The class Account as a plugin: agorad --plugin libaccount.so

#include "docs/examples/user_type/account.hpp"

AGORA_PLUGIN(types) { types.push_back(account_type()); }
