// SPDX-License-Identifier: MIT

// Embeds a server in a program: agora::Server and agora::ServerOptions. Link agora::server.
//
// A child process that fork() makes must not touch the server of its parent. If the parent has
// called Server::take_signals(), a signal for the child reaches the server of the parent until the
// child has set its own dispositions: docs/guides/embedding.md.
#pragma once

#include "server/app/server.hpp"
