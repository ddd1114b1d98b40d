// SPDX-License-Identifier: MIT

// The errors of agora: the table of error codes, and Error, the value that carries one of them.
//
// Every error states the failure (code, message), whether the effect of the call happened (done)
// and its context (details: object, key, limit ...). The numbers and names are a contract
// (docs/protocol/errors.md): programs compare them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace agora {

/// Error numbers: 1 to 33 are agora's own, the negative ones are defined by JSON-RPC 2.0.
enum class Errc : std::int32_t {
  key_error = 1,
  index_error = 2,
  value_error = 3,
  type_error = 4,
  empty = 5,
  full = 6,
  timeout = 7,
  not_found = 8,
  exists = 9,
  wrong_type = 10,
  not_owner = 11,
  not_locked = 12,
  broken_barrier = 13,
  deadlock = 14,
  owner_died = 15,
  stale_token = 16,
  conflict = 17,
  cancelled = 18,
  shut_down = 19,
  end_of_stream = 20,
  session_lost = 21,
  session_backlog = 22,
  unauthenticated = 23,
  forbidden = 24,
  too_large = 25,
  out_of_memory = 26,
  overloaded = 27,
  unavailable = 28,
  storage_failed = 29,
  user_error = 30,
  attribute_error = 31,
  stop_iteration = 32,
  runtime_error = 33,
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
};

/// Whether the effect of a failed call happened.
enum class Done : std::uint8_t { no, yes, unknown };

/// One row of the error table.
struct ErrcRow {
  Errc code;
  std::string_view type;  ///< the name in `data.type`, for example "KeyError"
  std::string_view doc;   ///< one sentence: the meaning of the code
};

/// Returns all errors, agora's own first, in the order of their numbers.
std::span<const ErrcRow> errc_table();

/// Returns the name in `data.type`; "InternalError" for a number that is not in the table.
std::string_view type_name(Errc code);

/// Returns the code with that number, or nullopt if there is none.
std::optional<Errc> errc_of(std::int64_t number);

/// Returns "no", "yes" or "unknown".
std::string_view to_string(Done done);

/// The inverse of to_string(); returns Done::unknown for any other text.
Done done_of(std::string_view text);

/// A further member of the `data` of an error.
struct Detail {
  std::string name;
  std::string packed;  ///< its value as MessagePack in normal form (see shared/value/packed.hpp)
};

/// The failure of an operation, returned in place of its result.
struct Error {
  Errc code = Errc::internal_error;
  std::string message;  ///< one sentence without a full stop: the fault, and the expected form
  Done done = Done::no;
  std::vector<Detail> details;
};

}  // namespace agora
