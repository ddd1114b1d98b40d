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

enum class Look { text, binary, unreadable };

// Not to wait: what was a regular file a moment ago may be a named pipe by now.
Look look_at(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Look::unreadable;
  std::array<char, 8192> bytes;
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < bytes.size() && (got = ::read(fd, bytes.data() + size, bytes.size() - size)) > 0) {
    size += static_cast<std::size_t>(got);
  }
  ::close(fd);
  if (got < 0) return Look::unreadable;
  const std::string_view start(bytes.data(), size);
  return start.find('\0') == std::string_view::npos ? Look::text : Look::binary;
}

void sort_in(TextFiles& files, const std::string& path) {
  switch (look_at(path)) {
    case Look::binary:
      ++files.binary;
      return;
    case Look::unreadable:
      ++files.unreadable;
      return;
    case Look::text:
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
    throw NoDirectory(directory + ": " + (problem ? problem.message() : "it is no directory"));
  }
  if (::access(directory.c_str(), R_OK | X_OK) != 0) {
    throw NoDirectory(directory + ": " + std::strerror(errno));
  }
  TextFiles files;
  fs::recursive_directory_iterator place(directory, fs::directory_options::skip_permission_denied);
  for (; place != fs::recursive_directory_iterator(); place.increment(problem)) {
    throw_if_interrupted();
    if (place->is_regular_file(problem)) sort_in(files, place->path().string());
  }
  std::sort(files.paths.begin(), files.paths.end());
  return files;
}

}  // namespace word_count
