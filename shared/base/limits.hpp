// Every bound of the system: name, default, unit, reason. Units last in the name.
#pragma once

#include <cstddef>
#include <cstdint>

namespace agora {

/// The bounds of one server (or of one client's reader). All may be set by the embedding program;
/// `agorad --help` names those that the command line offers.
struct Limits {
  /// One message, bytes: large enough for big values, small enough to be held whole.
  std::size_t frame_bytes_max = std::size_t{64} << 20;
  /// Nesting of lists and maps: nobody nests by hand deeper; bounds every stack that walks a value.
  std::uint32_t depth_max = 64;
  /// Elements of one message in sum: stops a few bytes of headers from declaring gigabytes of work.
  std::uint32_t elements_max = 1'000'000;
  /// Calls in one JSON-RPC batch: its answers are kept until the last one is there.
  std::size_t batch_calls_max = 1'000;
  /// An object's name, bytes of UTF-8.
  std::size_t name_bytes_max = 512;
  /// An `owner` text and other sub-identities, bytes.
  std::size_t owner_bytes_max = 512;
  /// Open connections: under the usual hard descriptor limit with room for files.
  std::size_t connections_max = 12'000;
  /// Parked calls of one session: a client that forgets its waits must not fill the server.
  std::size_t session_waits_max = 65'536;
  /// Replies that an opened session may leave unacknowledged, and their bytes; then its changing
  /// calls are refused, so that a client that never acknowledges does not fill the server.
  std::size_t kept_replies_max = 1'024;
  std::size_t kept_bytes_max = std::size_t{64} << 20;
  /// Threads of one session that take locks in shared memory; more of them make calls. A lock's
  /// word tells 16,382 threads of all sessions apart.
  std::size_t session_slots_max = 1'024;
  /// Objects that one session watches or is subscribed to: each costs a step with every change.
  std::size_t session_watches_max = 65'536;
  /// Notices of which an opened session is not known to have received them; of more of them, the
  /// later ones stand for the earlier.
  std::size_t unconfirmed_notices_max = 4'096;
  /// What an object that is watched, or a topic, remembers of its last notices: how many, and
  /// their bytes. A session that was cut off for longer hears of a gap.
  std::size_t history_entries_max = 1'024;
  std::size_t history_bytes_max = std::size_t{32} << 20;
  /// Ended sessions of which is remembered what they gave back.
  std::size_t lost_sessions_max = 100'000;
  /// Shortest and longest time without a sign of life that an opened session may ask for, seconds.
  double session_ttl_min = 1;
  double session_ttl_max = 3'600;
  /// Typed lines that wait behind a waiting one: a person types, a program uses JSON.
  std::size_t typed_lines_max = 64;
  /// Unsent output of one connection before the server stops reading from it, bytes.
  std::size_t output_bytes_max = std::size_t{8} << 20;
  /// Elements or bytes of work and reply that one request may cost.
  std::size_t work_elements_max = 1'000'000;
  std::size_t work_bytes_max = std::size_t{64} << 20;
  /// Calls of one connection in one turn before the others get theirs.
  std::size_t turn_calls_max = 64;
  /// All stored data, bytes; 0 stands for half of the cgroup's or machine's memory, set at start.
  std::size_t memory_bytes_max = 0;
  /// Values from this size on rest as shared immutable blobs and leave without a copy, bytes.
  std::size_t blob_bytes_min = 16 * 1024;
  /// Longest timeout that is taken as a number of seconds; beyond it, pass null (wait for ever).
  double timeout_seconds_max = 100.0 * 365 * 24 * 3600;
};

}  // namespace agora
