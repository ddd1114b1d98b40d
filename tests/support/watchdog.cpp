// SPDX-License-Identifier: MIT

#include "tests/support/watchdog.hpp"

#include <cstdlib>
#include <unistd.h>

namespace agora::test {

void start_watchdog() {
  const char* configured = std::getenv("AGORA_TEST_SECONDS");
  const int seconds = configured == nullptr ? 240 : std::atoi(configured);
  alarm(static_cast<unsigned>(seconds > 0 ? seconds : 240));
}

}  // namespace agora::test
