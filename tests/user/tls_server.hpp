// SPDX-License-Identifier: MIT

// TlsServer: a server with TLS on loopback, its authority, and options of a manager that trusts it.
#pragma once

#include <string>
#include <vector>

#include <agora/options.hpp>

#include "tests/support/certificates.hpp"
#include "tests/user/own_server.hpp"

namespace user {

/// The authority of a test, with a certificate for localhost and 127.0.0.1.
struct Certificates : agora::test::Authority {
  explicit Certificates(const std::string& name = "test authority") : Authority(name) {
    issue({.names = {"DNS:localhost", "IP:127.0.0.1"}});
  }

  /// Returns the server's arguments, with the certificate of that name.
  std::vector<std::string> arguments(const std::string& name = "server") const {
    return {"--tls-cert", certificate(name), "--tls-key", key(name)};
  }
  agora::manager_options options() const { return {.ca_file = path()}; }
};

/// Returns the address of a server, as one for TLS, with another host name.
inline std::string tls_address(const OwnServer& server, const std::string& host = "localhost") {
  const std::string tcp = server.tcp_address();
  return "tls://" + host + tcp.substr(tcp.rfind(':'));
}

}  // namespace user
