// The floor under every server: a bare epoll loop that takes requests of one size and gives
// replies of another, without looking at them.
#pragma once

#include <cstddef>
#include <string>

namespace agora::bench {

/// What a connection says first: the bytes of each request and of each reply.
std::string echo_greeting(std::size_t request_bytes, std::size_t reply_bytes);

/// Serves on that Unix socket and on a free TCP port until it is killed. Says `ready PORT`.
[[noreturn]] void serve_echo(const std::string& unix_path);

}  // namespace agora::bench
