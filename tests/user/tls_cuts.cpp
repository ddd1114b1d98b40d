// SPDX-License-Identifier: MIT

// Connections over TLS that break at any byte, of the handshake too, lose nothing: see cuts.hpp.
#include <string>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/cuts.hpp"
#include "tests/user/tls_server.hpp"

int main() {
  return user::run([] {
    const user::Certificates authority;
    const user::OwnServer program(authority.arguments());
    const agora::manager server(program.unix_address());
    user::cuts(server, {.target = program.tcp_address(),
                        .address =
                            [](const std::string& proxy) {
                              return "tls://localhost" + proxy.substr(proxy.rfind(':'));
                            },
                        .options = authority.options()});
  });
}
