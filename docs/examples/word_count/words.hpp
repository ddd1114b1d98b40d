// The rule of what a word is: a run of ASCII letters, as long as it goes, in lower case.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace word_count {

/// How often each word occurs.
using Counts = std::map<std::string, std::int64_t>;

/// Counts the words of one text that comes in pieces, cut anywhere.
class WordCounter {
 public:
  void add(std::string_view piece);
  /// Ends the text, and gives its counts. The counter begins anew.
  Counts finish();

 private:
  void end_word();

  std::string word_;
  Counts counts_;
};

/// The words of a whole file.
/// @throws std::system_error  the file cannot be read.
Counts count_words(const std::string& path);

/// Adds `more` to `sum`, word by word.
void add(Counts& sum, const Counts& more);

/// How many words there are, each as often as it occurs.
std::int64_t total(const Counts& counts);

/// The `most` commonest words, the commonest first; of equally common ones the alphabet decides.
std::vector<std::pair<std::string, std::int64_t>> top(const Counts& counts, std::size_t most);

}  // namespace word_count
