// Ctrl-C ends the demo in good order: the signal leaves a mark, and the loops look at it.
#pragma once

#include <exception>

namespace word_count {

/// Somebody asked the program to end (SIGINT, SIGTERM, SIGHUP).
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// From here on these signals no longer end the program by themselves. SIGPIPE is ignored: a
/// closed terminal is no reason to leave the server behind.
void catch_interrupts();

/// Back to what the system does by default, for a forked worker.
void let_interrupts_end_this();

/// @throws Interrupted  one of the signals came.
void throw_if_interrupted();

}  // namespace word_count
