// SPDX-License-Identifier: MIT

#define CATCH_CONFIG_RUNNER
#include "tests/support/catch.hpp"
#include "tests/support/watchdog.hpp"

int main(int argc, char** argv) {
  agora::test::start_watchdog();
  return Catch::Session().run(argc, argv);
}
