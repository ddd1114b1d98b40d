// What the demo shows: lines, and below them a progress bar if there is a terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace word_count {

/// Writes to standard output. Without a terminal the bar becomes one line at each quarter.
class Screen {
 public:
  Screen();

  /// A line above the bar; control characters in it become question marks.
  void line(std::string_view text);
  /// Where the work stands. `done` may exceed `all`: a file can be counted twice.
  void progress(std::size_t done, std::size_t all, std::int64_t words);
  /// Ends the bar's line.
  void end_progress();

 private:
  void show_bar();

  bool terminal_;
  std::string bar_;           // empty: none is shown
  std::size_t quarters_ = 0;  // those that were shown already
};

}  // namespace word_count
