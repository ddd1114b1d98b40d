// SPDX-License-Identifier: MIT

// Embeds a server in a program: agora::Server and agora::ServerOptions. Link agora::server.
#pragma once

#include "server/app/server.hpp"
