// SPDX-License-Identifier: MIT

// LogWriter: writes the lines of the log to a descriptor, from a thread of its own.
//
// A write to a pipe that no process reads blocks for ever, and a write to a disk may take seconds.
// Only the thread of the writer waits for them. write() copies the line to a buffer of fixed size;
// a line that does not fit is lost, and so is a line that the descriptor refuses (a full disk, a
// closed pipe). A line that tells how many were lost follows once the descriptor takes lines again.
// The thread allocates nothing: a second arena of malloc would cost 64 MiB of address space.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace agora {

class LogWriter {
 public:
  /// Starts the thread. If the system gives none, write() writes by itself, as far as that does not
  /// block.
  /// @param descriptor  must stay open as long as the process lives
  explicit LogWriter(int descriptor);
  /// Waits until the buffer is written. Gives up, and loses the rest, after a second without
  /// progress: the descriptor blocks.
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  /// Appends a line, which ends in a line feed. Never waits for the descriptor.
  void write(std::string_view line);

 private:
  struct State;
  // The thread owns it too: it may still wait for the descriptor when the writer is gone.
  std::shared_ptr<State> state_;
};

}  // namespace agora
