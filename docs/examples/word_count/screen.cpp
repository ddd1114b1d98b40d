// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/screen.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <unistd.h>

namespace word_count {
namespace {

constexpr std::size_t kBarWidth = 40;
constexpr std::string_view kClearLine = "\r\x1b[K";

bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

// A file name may hold control characters, which a terminal would execute.
std::string printable(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, '?');
  return result;
}

}  // namespace

Screen::Screen() : terminal_(is_terminal()) {}

void Screen::line(std::string_view text) {
  if (!bar_.empty()) std::cout << kClearLine;
  std::cout << printable(text) << '\n';
  show_bar();
}

void Screen::progress(std::size_t done, std::size_t all, std::int64_t words) {
  done = std::min(done, all);
  const std::string numbers = std::to_string(done) + "/" + std::to_string(all) + " files, " +
                              std::to_string(words) + " words";
  if (terminal_) {
    const std::size_t filled = all == 0 ? kBarWidth : kBarWidth * done / all;
    bar_ = "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] " + numbers;
    show_bar();
    return;
  }
  const std::size_t quarters = all == 0 ? 4 : 4 * done / all;
  if (quarters <= quarters_) return;
  quarters_ = quarters;
  line("progress  " + numbers);
}

void Screen::end_progress() {
  if (!bar_.empty()) std::cout << kClearLine << bar_ << std::endl;
  bar_.clear();
}

void Screen::show_bar() {
  if (!bar_.empty()) std::cout << kClearLine << bar_;
  std::cout.flush();
}

}  // namespace word_count
