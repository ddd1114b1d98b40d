// SPDX-License-Identifier: MIT

#include "client/src/transport/dial.hpp"

#include <utility>

#include "client/src/transport/fork_guard.hpp"
#include "client/src/transport/tls_client.hpp"

namespace agora::detail {

Expected<Dialed> dial(const Address& address, const manager_options& options,
                      const Deadline& deadline, const Wait& wait) {
  auto socket = Socket::dial(address, deadline, wait, options.ttl);
  if (!socket) return socket.failure();
  Dialed dialed{std::move(*socket), nullptr, {}};
  if (address.kind != Address::Kind::tls) return dialed;
  auto tls = connect_tls(*dialed.socket, address, options, deadline, wait);
  if (!tls) return tls.failure();
  dialed.tls = std::move(*tls);
  const ForkPause pause;  // see connect_tls()
  dialed.binding = server_certificate_digest(*dialed.tls);
  return dialed;
}

}  // namespace agora::detail
