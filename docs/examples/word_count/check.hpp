// SPDX-License-Identifier: MIT

// The independent count of the same words by tr, sort and uniq, which shares no code with the
// demo's.
#pragma once

#include <string>
#include <vector>

#include "docs/examples/word_count/words.hpp"

namespace word_count {

/// Counts the words of these files by
/// `tr -cs 'A-Za-z' '\n' | tr A-Z a-z | sort | uniq -c`.
/// @param folder  a folder for temporary files, such as the list of `paths`
/// @throws std::runtime_error  the pipe could not be run, or could not read a file; Interrupted
Counts count_by_tools(const std::vector<std::string>& paths, const std::string& folder);

/// Returns the differences of two counts: at most `limit` lines such as `the: 12, expected 13`.
std::vector<std::string> differences(const Counts& ours, const Counts& expected, std::size_t limit);

}  // namespace word_count
