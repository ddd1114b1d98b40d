// SPDX-License-Identifier: MIT

// Finds the files to count: all regular files below a directory without NUL bytes at the start.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace word_count {

/// The files below a directory.
struct TextFiles {
  std::vector<std::string> paths;  ///< sorted; each path once, also if two are links to one file
  std::size_t binary = 0;          ///< number left out: a NUL byte in the first 8 KiB
  std::size_t unreadable = 0;      ///< number left out: cannot be opened or read
  std::size_t unnamed = 0;  ///< number left out: the name is not UTF-8, so it cannot be a key
};

/// The path names no directory, or the directory cannot be read.
struct NotADirectory : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Walks through the directory and its subdirectories. Follows links to files but not links to
/// directories, so the walk always ends. Skips directories that it may not enter.
/// @throws NotADirectory  `directory` is no directory, or cannot be read.
TextFiles find_text_files(const std::string& directory);

}  // namespace word_count
