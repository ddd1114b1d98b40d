// SPDX-License-Identifier: MIT

#include "shared/base/error.hpp"

#include <algorithm>
#include <array>

namespace agora {
namespace {

constexpr std::array<ErrcRow, 38> kTable{{
    {Errc::key_error, "KeyError", "The key is not in the container."},
    {Errc::index_error, "IndexError", "The index is outside the sequence."},
    {Errc::value_error, "ValueError", "A value is of the right kind but not acceptable."},
    {Errc::type_error, "TypeError", "A value does not fit the object's content or typecode."},
    {Errc::empty, "Empty", "Nothing arrived in the queue in time."},
    {Errc::full, "Full", "No place became free in the queue in time."},
    {Errc::timeout, "Timeout", "The awaited state did not come in time."},
    {Errc::not_found, "NotFound", "There is no object of that name."},
    {Errc::exists, "Exists", "There is already an object of that name."},
    {Errc::wrong_type, "WrongType", "The object of that name has another type."},
    {Errc::not_owner, "NotOwner", "Only the owner of the grant may do that."},
    {Errc::not_locked, "NotLocked", "The lock is not held by anybody."},
    {Errc::broken_barrier, "BrokenBarrier", "The barrier is broken for all its parties."},
    {Errc::deadlock, "Deadlock", "Waiting would close a cycle of owners and waiters."},
    {Errc::owner_died, "OwnerDied", "The owner ended while it held the lock; reset it first."},
    {Errc::stale_token, "StaleToken", "The grant with that token no longer stands."},
    {Errc::conflict, "Conflict", "A requirement of the transaction did not hold."},
    {Errc::cancelled, "Cancelled", "The waiting call was cancelled."},
    {Errc::shut_down, "ShutDown", "The queue or the server is closed."},
    {Errc::end_of_stream, "EndOfStream", "The other end is closed and all was received."},
    {Errc::session_lost, "SessionLost", "The session has ended and gave everything back."},
    {Errc::session_backlog, "SessionBacklog", "Too many replies wait to be acknowledged."},
    {Errc::unauthenticated, "Unauthenticated", "A login is needed, or it was wrong."},
    {Errc::forbidden, "Forbidden", "The role of this connection does not allow that."},
    {Errc::too_large, "TooLarge", "A request, value or reply is over its limit."},
    {Errc::out_of_memory, "OutOfMemory", "The server's memory cap is reached."},
    {Errc::overloaded, "Overloaded", "The server refuses more work of this kind for now."},
    {Errc::unavailable, "Unavailable", "The server cannot be reached."},
    {Errc::storage_failed, "StorageFailed", "The journal could not be written."},
    {Errc::user_error, "UserError", "A user's own type or task failed."},
    {Errc::attribute_error, "AttributeError", "The namespace has no such attribute."},
    {Errc::stop_iteration, "StopIteration", "The iteration is at its end."},
    {Errc::runtime_error, "RuntimeError", "The operation does not fit the present state."},
    {Errc::parse_error, "ParseError", "The text is not JSON."},
    {Errc::invalid_request, "InvalidRequest", "The message is no valid request."},
    {Errc::method_not_found, "MethodNotFound", "There is no such method."},
    {Errc::invalid_params, "InvalidParams", "The parameters do not fit the method."},
    {Errc::internal_error, "InternalError", "A fault of the server itself."},
}};

}  // namespace

std::span<const ErrcRow> errc_table() { return kTable; }

std::string_view type_name(Errc code) {
  const auto row = std::ranges::find(kTable, code, &ErrcRow::code);
  return row == kTable.end() ? std::string_view{"InternalError"} : row->type;
}

std::optional<Errc> errc_of(std::int64_t number) {
  const auto same = [number](const ErrcRow& row) {
    return static_cast<std::int64_t>(row.code) == number;
  };
  const auto row = std::ranges::find_if(kTable, same);
  if (row == kTable.end()) return std::nullopt;
  return row->code;
}

std::string_view to_string(Done done) {
  switch (done) {
    case Done::no:
      return "no";
    case Done::yes:
      return "yes";
    case Done::unknown:
      break;
  }
  return "unknown";
}

Done done_of(std::string_view text) {
  if (text == "no") return Done::no;
  if (text == "yes") return Done::yes;
  return Done::unknown;
}

}  // namespace agora
