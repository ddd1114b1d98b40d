// SPDX-License-Identifier: MIT

// Descriptors: file descriptors received from the server. Closes every one still in the list.
#pragma once

#include <unistd.h>
#include <vector>

namespace agora::detail {

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
