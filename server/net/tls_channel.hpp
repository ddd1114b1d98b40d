// SPDX-License-Identifier: MIT

// TlsChannel: the part of a connection over TLS that a plain one does not have.
#pragma once

#include <memory>
#include <string>

#include "shared/tls/tls_stream.hpp"

namespace agora {

struct TlsChannel {
  std::unique_ptr<TlsStream> stream;  ///< its handshake is finished
  std::string unsent;                 ///< records that the kernel has not taken yet
};

}  // namespace agora
