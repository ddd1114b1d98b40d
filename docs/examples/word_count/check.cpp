// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <sys/wait.h>

#include "docs/examples/word_count/interrupt.hpp"

namespace word_count {
namespace {

// Quotes a text for the shell, so that no character in it has a special meaning.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// Lists a file with a single line feed after each file. Without it, the last word of a file and the
// first word of the next one would become one word.
void write_list(const std::vector<std::string>& paths, const std::string& list,
                const std::string& line_end) {
  std::ofstream(line_end) << '\n';
  std::ofstream file(list, std::ios::binary);
  for (const std::string& path : paths) file << path << '\0' << line_end << '\0';
  file.flush();
  if (!file) throw std::runtime_error("cannot write " + list);
}

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "re");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  std::string output;
  std::array<char, 65536> bytes;
  while (const std::size_t got = std::fread(bytes.data(), 1, bytes.size(), pipe)) {
    output.append(bytes.data(), got);
  }
  const int status = ::pclose(pipe);
  throw_if_interrupted();
  if (status != 0) throw std::runtime_error("failed: " + command);
  return output;
}

// Parses a line such as `   12 word`. The count of the empty text before the first word has no
// word.
void add_line(Counts& counts, std::string_view line) {
  const std::size_t number = line.find_first_not_of(' ');
  const std::size_t gap = line.find(' ', number);
  if (number == std::string_view::npos || gap == std::string_view::npos) return;
  const std::string_view word = line.substr(gap + 1);
  std::int64_t count = 0;
  std::from_chars(line.data() + number, line.data() + gap, count);
  if (!word.empty()) counts.emplace(word, count);
}

std::string difference(const std::string& word, std::int64_t ours, std::int64_t expected) {
  return word + ": " + std::to_string(ours) + ", expected " + std::to_string(expected);
}

std::int64_t count_of(const Counts& counts, const std::string& word) {
  const auto found = counts.find(word);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace

Counts count_by_tools(const std::vector<std::string>& paths, const std::string& folder) {
  const std::string list = folder + "/files";
  const std::string unread = folder + "/unread";  // the command creates it if it cannot read a file
  write_list(paths, list, folder + "/line_end");
  const std::string output =
      output_of("export LC_ALL=C; { xargs -0 cat -- < " + quoted(list) + " || : > " +
                quoted(unread) + "; } | tr -cs A-Za-z '\\n' | tr A-Z a-z | sort | uniq -c");
  if (std::filesystem::exists(unread)) throw std::runtime_error("cat could not read all files");
  Counts counts;
  for (std::string_view rest = output; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    add_line(counts, line);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return counts;
}

std::vector<std::string> differences(const Counts& ours, const Counts& expected,
                                     std::size_t limit) {
  std::vector<std::string> lines;
  Counts all = ours;
  all.insert(expected.begin(), expected.end());
  for (const auto& entry : all) {
    const std::int64_t mine = count_of(ours, entry.first);
    const std::int64_t theirs = count_of(expected, entry.first);
    if (mine == theirs) continue;
    if (lines.size() == limit) break;
    lines.push_back(difference(entry.first, mine, theirs));
  }
  return lines;
}

}  // namespace word_count
