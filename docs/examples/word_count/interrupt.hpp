// SPDX-License-Identifier: MIT

// Clean shutdown on Ctrl-C: the signal handler sets a flag, and the loops of the demo check it.
#pragma once

#include <exception>

namespace word_count {

/// The program received SIGINT, SIGTERM or SIGHUP.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// Installs handlers for these signals, so that they no longer end the program by themselves.
/// Ignores SIGPIPE: after a closed terminal the demo still ends its server.
void catch_interrupts();

/// Restores the default actions of the signals, for a forked worker.
void restore_default_actions();

/// @throws Interrupted  one of the signals was received.
void throw_if_interrupted();

}  // namespace word_count
