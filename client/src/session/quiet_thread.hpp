// Threads of the library's own: they take no signals, and nobody has to join them.
#pragma once

#include <functional>
#include <thread>

#include "shared/base/expected.hpp"

namespace agora::detail {

/// Starts a detached thread in which all signals are blocked: they are for the program's own
/// threads. What `body` uses has to live as long as it runs.
/// @return its id. @error unavailable  the system gives no thread; `body` was not run.
Expected<std::thread::id> start_quiet_thread(std::function<void()> body);

}  // namespace agora::detail
