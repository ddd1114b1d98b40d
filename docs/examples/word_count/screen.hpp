// SPDX-License-Identifier: MIT

// The output of the demo: lines, and a progress bar below them if there is a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace word_count {

/// Writes to standard output. Without a terminal it prints a line at each quarter instead of the
/// bar.
class Screen {
 public:
  Screen();

  /// Prints a line above the bar. Replaces control characters by question marks.
  void line(std::string_view text);
  /// Shows the progress. `done` may exceed `all`, since a file can be counted twice.
  void progress(std::size_t done, std::size_t all, std::int64_t words);
  /// Ends the bar's line.
  void end_progress();

 private:
  void show_bar();

  bool terminal_;
  std::string bar_;           // empty if no bar is shown
  std::size_t quarters_ = 0;  // quarters that were printed already
};

}  // namespace word_count
