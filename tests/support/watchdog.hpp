// SPDX-License-Identifier: MIT

// A watchdog for test programs: a hanging test fails by itself and is named in the report.
#pragma once

namespace agora::test {

/// Ends this program with SIGALRM after `AGORA_TEST_SECONDS` (default 240) of wall time.
void start_watchdog();

}  // namespace agora::test
