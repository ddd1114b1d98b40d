// SPDX-License-Identifier: MIT

// manager_options: the options of a manager.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace agora {

/// Options of a manager; all have a default, so `{.deadline = 5s}` is enough.
struct manager_options {
  /// The name under which the server lists this program.
  std::string client = {};
  /// How long the server keeps the session without a heartbeat, 1 s to 1 h. The manager sends a
  /// heartbeat every third of it. The client can resume the session for this time after its
  /// connection broke.
  std::chrono::nanoseconds ttl = std::chrono::seconds(10);
  /// How long a call that does not wait may take, including the time to open a session and to
  /// reconnect. Only the resolution of a host name may take longer. A call that waits has this time
  /// in addition to its own timeout. If it has no reply after its timeout and half of this time,
  /// the client cancels it. The other half is for the reply to the cancellation, which tells the
  /// outcome.
  std::chrono::nanoseconds deadline = std::chrono::seconds(30);
  /// How long connecting may take; for a private server, also how long it may take to start.
  std::chrono::nanoseconds connect_timeout = std::chrono::seconds(10);
  /// Whether objects may be shared as memory if server and program are on one host. If false, every
  /// operation is a call over the socket.
  bool shared_memory = true;
  /// The file with the key by which the program logs in, as `agora keygen` writes it; empty: it
  /// does not log in. The file must be closed to the group and others. It is read for each
  /// connection.
  std::string key_file = {};
  /// The id of the key in that file; empty: the first one.
  std::string key_id = {};
  /// For tls:// addresses: the certificates (PEM) of the authorities that may have signed the
  /// server's certificate; empty: the system's.
  std::string ca_file = {};
  /// For tls:// addresses: the certificate of this program (PEM, with intermediate ones behind it)
  /// and its key; empty: none is sent. The files are read for each connection.
  std::string cert_file = {};
  std::string cert_key_file = {};
  /// For tls:// addresses: the name that the server's certificate must have, if it is not the host
  /// of the address.
  std::string server_name = {};
  /// For tls:// addresses: accepts any certificate, so that an attacker on the way can read and
  /// change everything. The manager warns on standard error. For tests.
  bool insecure_skip_verify = false;
  /// A user, by number, whose server is accepted at a Unix socket. By default the server must run
  /// as this program's own effective user or as root: any other user that can make a socket at the
  /// path would get all that this program sends. The server of another user is `unavailable`.
  std::optional<std::uint32_t> peer_uid = {};
};

}  // namespace agora
