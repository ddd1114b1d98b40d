// Which files are counted: all regular files below a directory that look like text.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace word_count {

/// What was found below a directory.
struct TextFiles {
  std::vector<std::string> paths;  ///< sorted; each path once, also if two are links to one file
  std::size_t binary = 0;          ///< left out: a NUL byte in the first 8 KiB
  std::size_t unreadable = 0;      ///< left out: it cannot be opened or read
  std::size_t unnamed = 0;         ///< left out: its name is not UTF-8, so it cannot be a key
};

/// The directory that was asked for is none, or cannot be read.
struct NoDirectory : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Walks through the directory and all below it. Links to files are followed, links to directories
/// are not, so the walk always ends; what cannot be entered is passed over.
/// @throws NoDirectory  `directory` is no directory that can be read.
TextFiles find_text_files(const std::string& directory);

}  // namespace word_count
