// SPDX-License-Identifier: MIT

// Background threads of the library: detached, with all signals blocked.
#pragma once

#include <functional>
#include <thread>

#include "shared/base/expected.hpp"

namespace agora::detail {

/// Starts a detached thread in which all signals are blocked, so that the program's own threads
/// handle them. All that `body` uses must outlive the thread.
/// @return its id. @error unavailable  the system cannot start a thread; `body` was not run.
Expected<std::thread::id> start_background_thread(std::function<void()> body);

}  // namespace agora::detail
