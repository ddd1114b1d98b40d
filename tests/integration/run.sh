#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the black-box tests against AGORA_SERVER (default: build/release/bin/agorad). Arguments name modules.
# The last line is "N passed, M failed"; the exit status is 0 only if nothing failed.
cd "$(dirname "$0")" || exit 1
exec /usr/bin/python3 -B - "$@" <<'PYTHON'
import sys, unittest
sys.path.insert(0, ".")
import harness
loader = unittest.TestLoader()
names = sys.argv[1:]
suite = loader.loadTestsFromNames(names) if names else loader.discover(".", pattern="test_*.py")
result = unittest.TextTestRunner(stream=sys.stderr, verbosity=1).run(suite)
sys.stderr.flush()
bad = {id(test) for test, _ in result.failures + result.errors}
parts = {id(test.test_case) if hasattr(test, "test_case") else id(test) for test, _ in result.failures + result.errors}
failed = len(parts) + len(result.unexpectedSuccesses)
passed = max(0, result.testsRun - failed - len(result.skipped) - len(result.expectedFailures))
print(f"{len(result.skipped)} skipped, {len(result.expectedFailures)} failed as expected")
print(f"{passed} passed, {failed} failed")
sys.exit(0 if failed == 0 and result.testsRun else 1)
PYTHON
