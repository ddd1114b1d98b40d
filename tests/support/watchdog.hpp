// A test that hangs must end with a name, not with the patience of whoever waits for it.
#pragma once

namespace agora::test {

/// Ends this program with SIGALRM after `AGORA_TEST_SECONDS` (default 240) of wall time.
void start_watchdog();

}  // namespace agora::test
