// SPDX-License-Identifier: MIT

// Checks of the user programs under tests/user, without a framework: exit code 0 or 1.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <unistd.h>

namespace user {

/// Prints where a check failed and ends the program at once, in a forked child too.
inline void check(bool holds, const char* what, const char* file, int line) {
  if (holds) return;
  std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
  std::fflush(stderr);
  _exit(1);
}

/// Runs the program's body; a hang ends it with SIGALRM, an exception with exit code 1.
template <typename Body>
int run(Body body) {
  alarm(60);
  try {
    body();
  } catch (const std::exception& caught) {
    std::fprintf(stderr, "unexpected exception: %s\n", caught.what());
    return 1;
  }
  return 0;
}

}  // namespace user

#define USER_CHECK(...) \
  user::check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)

/// Fails: the program must not get here.
#define USER_FAIL(why) user::check(false, why, __FILE__, __LINE__)

/// Checks that the statement throws that exception.
#define USER_THROWS(statement, exception)                                      \
  do {                                                                         \
    bool thrown = false;                                                       \
    try {                                                                      \
      statement;                                                               \
    } catch (const exception&) {                                               \
      thrown = true;                                                           \
    }                                                                          \
    user::check(thrown, #statement " throws " #exception, __FILE__, __LINE__); \
  } while (false)
