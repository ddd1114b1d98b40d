// SPDX-License-Identifier: MIT

// TlsContext: the server's certificate and key, and the certificate authority of its clients, as
// read from files. TLS 1.2 and 1.3, without renegotiation, compression and resumption.
//
// Sessions of TLS are not resumed: the certificate that a client binds its login to is sent in each
// handshake, and an idle server keeps nothing of connections that have ended.
#pragma once

#include <memory>
#include <string>

#include "server/core/methods/command.hpp"
#include "server/tls/tls_files.hpp"
#include "shared/tls/tls_stream.hpp"

namespace agora {

class TlsContext {
 public:
  /// @throws std::runtime_error  with one line that names the option, the file and the reason.
  explicit TlsContext(TlsFiles files);
  ~TlsContext();
  TlsContext(TlsContext&&) noexcept;

  /// Reads the files again, for connections from now on.
  /// @throws std::runtime_error  as the constructor; the old certificates stay.
  void reload();

  /// Returns true if each client must have a certificate.
  bool requires_clients() const { return !files_.client_ca.empty() && files_.client_required; }
  /// Returns the server's side of a new connection. @throws std::bad_alloc
  std::unique_ptr<TlsStream> accept() const;
  /// Returns the identity that the handshake of this stream, which is finished, has proven.
  static std::shared_ptr<const TlsPeer> peer_of(TlsStream& stream);

 private:
  struct Loaded;

  TlsFiles files_;
  std::unique_ptr<Loaded> loaded_;
};

}  // namespace agora
