# SPDX-License-Identifier: MIT
"""Skips the tests that a server with a sanitizer cannot pass."""
import unittest

from harness import SERVER


def sanitized():
    """Tells whether the server has a sanitizer, which takes memory and reads /proc by itself."""
    with open(SERVER, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


NOT_SANITIZED = unittest.skipIf(sanitized(), "a sanitizer takes memory and reads /proc by itself")
