// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/text_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include "docs/examples/word_count/interrupt.hpp"
#include "shared/value/utf8.hpp"

namespace word_count {
namespace {

namespace fs = std::filesystem;

enum class FileKind { text, binary, unreadable };

// Opens with O_NONBLOCK, since the path may name a pipe by now, at which open would block.
FileKind classify(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return FileKind::unreadable;
  std::array<char, 8192> bytes;
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < bytes.size() && (got = ::read(fd, bytes.data() + size, bytes.size() - size)) > 0) {
    size += static_cast<std::size_t>(got);
  }
  ::close(fd);
  if (got < 0) return FileKind::unreadable;
  const std::string_view start(bytes.data(), size);
  return start.find('\0') == std::string_view::npos ? FileKind::text : FileKind::binary;
}

void add_file(TextFiles& files, const std::string& path) {
  switch (classify(path)) {
    case FileKind::binary:
      ++files.binary;
      return;
    case FileKind::unreadable:
      ++files.unreadable;
      return;
    case FileKind::text:
      break;
  }
  if (agora::is_utf8(path)) {
    files.paths.push_back(path);
  } else {
    ++files.unnamed;
  }
}

}  // namespace

TextFiles find_text_files(const std::string& directory) {
  std::error_code problem;
  if (!fs::is_directory(directory, problem)) {
    throw NotADirectory(directory + ": " + (problem ? problem.message() : "it is no directory"));
  }
  if (::access(directory.c_str(), R_OK | X_OK) != 0) {
    throw NotADirectory(directory + ": " + std::strerror(errno));
  }
  TextFiles files;
  fs::recursive_directory_iterator entry(directory, fs::directory_options::skip_permission_denied);
  for (; entry != fs::recursive_directory_iterator(); entry.increment(problem)) {
    throw_if_interrupted();
    if (entry->is_regular_file(problem)) add_file(files, entry->path().string());
  }
  std::sort(files.paths.begin(), files.paths.end());
  return files;
}

}  // namespace word_count
