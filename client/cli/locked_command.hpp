// SPDX-License-Identifier: MIT

// `agora lock NAME -- CMD`: a command of a shell that runs while this process holds a lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <agora/options.hpp>

namespace agora::detail {

/// Exit codes as in shells, and of sysexits.h.
inline constexpr int kExitNotLocked = 75;  ///< EX_TEMPFAIL: not in time, or lost while CMD ran
inline constexpr int kExitNotRunnable = 126;
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitSignal = 128;  ///< plus the signal that ended CMD

struct LockedCommand {
  std::string lock;                ///< created if no object has this name
  std::optional<double> timeout;   ///< for the lock, seconds; empty: no limit
  std::vector<std::string> words;  ///< the command and its arguments; not empty
};

/// Acquires the lock, runs the command with AGORA_TOKEN, the fencing token, in its environment, and
/// releases the lock. Passes SIGTERM and SIGHUP on to the command; SIGINT and SIGQUIT reach it from
/// the terminal. If the lock is lost, the command gets SIGTERM. Call it before any thread is made.
/// @param options  those for TLS
/// @return the exit code of the command, or one of those above
/// @throws agora::error  no server replies, or the lock cannot be acquired for another reason
int run_locked(const std::string& address, manager_options options, const LockedCommand& command);

}  // namespace agora::detail
