// SPDX-License-Identifier: MIT

// Name patterns (globs): * matches any text, ? one byte, any other byte itself.
#pragma once

#include <string_view>

namespace agora {

/// Tells whether the pattern matches the whole name. Iterative; O(pattern x name) at worst.
inline bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0;
  std::size_t star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;  // backtrack: the last star matches one byte more
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace agora
