// SPDX-License-Identifier: MIT

// Every bound of the system: name, default, unit, reason. Units last in the name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace agora {

/// The bounds of one server (or of one client's reader). The embedding program may set all of them;
/// `agorad --help` lists the ones that the command line offers.
struct Limits {
  /// One message, bytes: large enough for big values, small enough to be buffered whole.
  std::size_t frame_bytes_max = std::size_t{64} << 20;
  /// Nesting of lists and maps: deeper than hand-written data; bounds every stack that walks a
  /// value.
  std::uint32_t depth_max = 64;
  /// Total elements of one message: a few bytes of headers must not declare gigabytes of work.
  std::uint32_t elements_max = 1'000'000;
  /// Calls in one JSON-RPC batch: its replies are kept until the last one is complete.
  std::size_t batch_calls_max = 1'000;
  /// An object's name, bytes of UTF-8.
  std::size_t name_bytes_max = 512;
  /// An `owner` text and other sub-identities, bytes.
  std::size_t owner_bytes_max = 512;
  /// The names of its program and host that a client gives, bytes each: they are for people.
  std::size_t client_bytes_max = 512;
  /// The reason of a rejected item of a queue, bytes: a message for people, not a payload.
  std::size_t reason_bytes_max = 1'024;
  /// Open connections: under the usual hard limit of descriptors, with room for files.
  std::size_t connections_max = 12'000;
  /// Opened sessions without a connection, of all clients and of one identity (a user, or all of
  /// loopback TCP): clients that open sessions and leave must not fill the server. Beyond that the
  /// session ends that has been without a connection for longest.
  std::size_t disconnected_max = 10'000;
  std::size_t disconnected_identity_max = 1'024;
  /// Parked calls of one session: a client that forgets its waiting calls must not fill the server.
  std::size_t session_waits_max = 65'536;
  /// Replies that an opened session may leave unacknowledged, and their bytes. Beyond that the
  /// server refuses its writing calls: a client that never acknowledges must not fill the server.
  std::size_t kept_replies_max = 1'024;
  std::size_t kept_bytes_max = std::size_t{64} << 20;
  /// Threads of one session that may acquire locks in shared memory; further threads acquire them
  /// by calls. There are 16,382 owner slots for the threads of all sessions.
  std::size_t session_slots_max = 1'024;
  /// Objects that one session watches or is subscribed to: each costs a step with every change.
  std::size_t session_watches_max = 65'536;
  /// Patterns of names that one session watches: each costs a comparison with every creation and
  /// deletion of a named object.
  std::size_t session_patterns_max = 64;
  /// Notices sent to an opened session that it has not confirmed. The server keeps no more of
  /// them for a resend.
  std::size_t unconfirmed_notices_max = 4'096;
  /// The history that a watched object or a topic keeps of its last notices: how many, and their
  /// bytes. A session that was disconnected for longer is told of a gap.
  std::size_t history_entries_max = 1'024;
  std::size_t history_bytes_max = std::size_t{32} << 20;
  /// Ended sessions whose released locks and items the server remembers.
  std::size_t lost_sessions_max = 100'000;
  /// The memory of these records, bytes: at most this much, and at most a sixteenth of the cap.
  std::size_t lost_bytes_max = std::size_t{32} << 20;
  /// Shortest and longest time without a heartbeat that an opened session may ask for, seconds.
  double session_ttl_min = 1;
  double session_ttl_max = 3'600;
  /// Typed lines queued behind a waiting one, and their bytes; beyond that the server stops reading
  /// from the connection. People type these, programs use JSON.
  std::size_t typed_lines_max = 64;
  std::size_t typed_bytes_max = std::size_t{64} << 10;
  /// Back-pressure: unsent output of one connection at which the server stops reading from it,
  /// bytes.
  std::size_t output_bytes_max = std::size_t{8} << 20;
  /// Elements or bytes of work and reply that one request may cost.
  std::size_t work_elements_max = 1'000'000;
  std::size_t work_bytes_max = std::size_t{64} << 20;
  /// Units of work of one transaction (Machine::spend): twice what one call may cost. Nothing else
  /// runs meanwhile, and a rollback takes as long again.
  std::size_t transaction_work_max = 2'000'000;
  /// Units of work after which a turn ends, so that the calls of other connections get theirs:
  /// about 2 ms.
  std::size_t turn_work_max = 100'000;
  /// Calls of one connection in one turn of the event loop, so that other connections get theirs.
  std::size_t turn_calls_max = 64;
  /// All stored data, bytes; 0 stands for half of the cgroup's or machine's memory, set at start.
  std::size_t memory_bytes_max = 0;
  /// Values from this size on are stored as shared immutable blobs and sent without a copy, bytes.
  std::size_t blob_bytes_min = 16 * 1024;
  /// One message, and the unsent output, of a connection that has to log in first, bytes: enough
  /// for a login and for help.
  std::size_t login_bytes_max = 4096;
  std::size_t login_output_bytes_max = std::size_t{256} << 10;
  /// How long such a connection stays open, seconds, and how many there may be from one address. Of
  /// all connections they may be a quarter.
  int login_seconds_max = 60;
  std::size_t logins_of_address_max = 64;
  /// Longest timeout accepted as a number of seconds; pass null to wait for ever.
  double timeout_seconds_max = 100.0 * 365 * 24 * 3600;
};

}  // namespace agora
