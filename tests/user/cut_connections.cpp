// SPDX-License-Identifier: MIT

// Connections of a Unix socket that break at any byte lose nothing: see cuts.hpp.
#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/cuts.hpp"

int main() {
  return user::run([] {
    const agora::manager server;
    user::cuts(server, {.target = server.address()});
  });
}
