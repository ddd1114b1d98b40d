// SPDX-License-Identifier: MIT

// The lower bound for every server: a bare epoll loop that reads requests of one size and writes
// replies of another, without parsing them.
#pragma once

#include <cstddef>
#include <string>

namespace agora::bench {

/// Returns the first message of a connection: the sizes of each request and of each reply.
std::string echo_greeting(std::size_t request_bytes, std::size_t reply_bytes);

/// Serves on that Unix socket and on a free TCP port until it is killed. Prints `ready PORT`.
[[noreturn]] void serve_echo(const std::string& unix_path);

}  // namespace agora::bench
