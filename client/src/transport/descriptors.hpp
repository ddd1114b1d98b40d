// SPDX-License-Identifier: MIT

// Descriptors: file descriptors received from the server. Closes every one still in the list.
//
// A program may have closed its standard streams. The kernel then gives their numbers to the next
// descriptors that are opened. If a socket of the library got one, all that the program prints
// would go to the server. So the library moves each of its descriptors above 2.
#pragma once

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace agora::detail {

/// Moves a new, close-on-exec descriptor above 2. Returns its new number, or the same if it is
/// above 2 or negative. On failure closes it and returns -1; errno has the reason.
inline int above_standard(int descriptor) {
  constexpr int kFirst = 3;
  if (descriptor < 0 || descriptor >= kFirst) return descriptor;
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, kFirst);
  const int problem = errno;
  ::close(descriptor);
  errno = problem;
  return moved;
}

/// Makes a pipe, close-on-exec, of two descriptors above 2. Returns false on failure; errno has the
/// reason.
inline bool make_pipe(int (&ends)[2]) {
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  for (int& end : ends) end = above_standard(end);
  if (ends[0] >= 0 && ends[1] >= 0) return true;
  const int problem = errno;
  for (const int end : ends) {
    if (end >= 0) ::close(end);
  }
  errno = problem;
  return false;
}

struct Descriptors {
  std::vector<int> list;
  Descriptors() = default;
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors() {
    for (const int descriptor : list) {
      if (descriptor >= 0) ::close(descriptor);
    }
  }
};

}  // namespace agora::detail
