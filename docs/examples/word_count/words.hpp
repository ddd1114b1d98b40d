// SPDX-License-Identifier: MIT

// Words: a word is a maximal run of ASCII letters, in lower case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace word_count {

/// The number of occurrences of each word.
using Counts = std::map<std::string, std::int64_t>;

/// Counts the words of one text that arrives in pieces, cut anywhere.
class WordCounter {
 public:
  void add(std::string_view piece);
  /// Ends the text and returns its counts. The counter is empty afterwards.
  Counts finish();

 private:
  void end_word();

  std::string word_;
  Counts counts_;
};

/// Counts the words of a whole file.
/// @throws std::system_error  the file cannot be read.
Counts count_words(const std::string& path);

/// Adds `more` to `sum`, word by word.
void add(Counts& sum, const Counts& more);

/// Returns the sum of all counts.
std::int64_t total(const Counts& counts);

/// Returns the `limit` most frequent words by falling count; equal counts are in alphabetical
/// order.
std::vector<std::pair<std::string, std::int64_t>> top(const Counts& counts, std::size_t limit);

}  // namespace word_count
