// SPDX-License-Identifier: MIT

// TlsFiles: the files that a server's TLS is made of.
#pragma once

#include <string>

namespace agora {

/// Files in PEM.
struct TlsFiles {
  std::string certificate;      ///< the server's, followed by those of intermediate authorities
  std::string key;              ///< of that certificate
  std::string client_ca = {};   ///< authorities whose client certificates are accepted; empty: none
  bool client_required = true;  ///< with a client_ca: a connection without a certificate is refused
};

}  // namespace agora
