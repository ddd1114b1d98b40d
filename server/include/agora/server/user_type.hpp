// SPDX-License-Identifier: MIT

// Registers C++ classes as types of shared objects, in an embedded server or in a plugin of agorad.
// Link agora::server.
#pragma once

#include "server/objects/user/user_type.hpp"
