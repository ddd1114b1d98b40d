// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace word_count {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

char lower(char c) { return c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

[[noreturn]] void fail(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), path);
}

}  // namespace

void WordCounter::add(std::string_view piece) {
  for (const char c : piece) {
    if (is_letter(c)) {
      word_ += lower(c);
    } else {
      end_word();
    }
  }
}

Counts WordCounter::finish() {
  end_word();
  return std::exchange(counts_, {});
}

void WordCounter::end_word() {
  if (word_.empty()) return;
  ++counts_[word_];
  word_.clear();
}

Counts count_words(const std::string& path) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) fail(path);
  WordCounter counter;
  std::array<char, 65536> bytes;
  while (const std::size_t got = std::fread(bytes.data(), 1, bytes.size(), file.get())) {
    counter.add({bytes.data(), got});
  }
  if (std::ferror(file.get()) != 0) fail(path);
  return counter.finish();
}

void add(Counts& sum, const Counts& more) {
  for (const auto& [word, count] : more) sum[word] += count;
}

std::int64_t total(const Counts& counts) {
  std::int64_t sum = 0;
  for (const auto& entry : counts) sum += entry.second;
  return sum;
}

std::vector<std::pair<std::string, std::int64_t>> top(const Counts& counts, std::size_t limit) {
  std::vector<std::pair<std::string, std::int64_t>> words(counts.begin(), counts.end());
  std::stable_sort(words.begin(), words.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  words.resize(std::min(limit, words.size()));
  return words;
}

}  // namespace word_count
