// SPDX-License-Identifier: MIT

// JSON-RPC 2.0 (jsonrpc.org/specification), one message per line (docs/protocol/json-rpc.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/limits.hpp"
#include "shared/value/packed.hpp"
#include "shared/wire/json_read.hpp"
#include "shared/wire/message.hpp"

namespace agora {

/// Longest text accepted as an `id`, bytes: the server echoes it, and keeps it while the call
/// waits.
inline constexpr std::size_t kIdBytesMax = 256;

/// Returns true if the first non-blank byte of `line` begins JSON; otherwise it is a typed line.
bool is_json_line(std::string_view line);

/// Decodes lines of calls. Reuses its buffers between lines.
class JsonRpcDecoder {
 public:
  struct Result {
    std::span<Message> messages;  ///< never empty
    bool batch = false;           ///< reply with one array, or not at all if all are notifications
  };

  explicit JsonRpcDecoder(const Limits& limits) : limits_(limits), reader_(Budget(limits)) {}

  /// Decodes the calls of one line (without its end). Errors are refusals among the messages: a
  /// line that is not JSON, an empty batch and a batch over the limit give one refusal with id
  /// null. All views in the result are valid until the next decode().
  /// @par Refusals
  /// parse_error (not JSON), invalid_request (not a request, wrong `id`, `params` or `jsonrpc`),
  /// too_large (batch, depth, elements), value_error and type_error (a value inside `params` or
  /// `guard`; only this refusal carries the id). A call that is too large to be parsed to its end
  /// is refused with its id if the id precedes that point.
  Result decode(std::string_view line);

 private:
  struct Members;
  struct Slice {  // the range of a value in out_
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  struct Slices {
    Slice params;
    Slice id;
    Slice options;
  };

  Result refuse(Error error);
  Result refuse_unread(Error error);
  void add(PackedView loose, Budget& budget);
  Expected<void> read_call(PackedView loose, Message& message, Slices& slices, Budget& budget);
  Expected<void> read_contents(const Members& members, Slices& slices, Budget& budget);
  void resolve();

  Limits limits_;
  JsonReader reader_;
  std::string out_;  // ids, params and options of all calls of the line
  std::vector<Message> messages_;
  std::vector<Slices> slices_;  // of each message: offsets, since out_ reallocates as it grows
};

/// Appends one message, without a line end (a batch has several in one line).
void encode_json_reply(PackedView id, PackedView result, std::string& out);
/// Appends such a message up to its result. The result and a closing brace are to follow.
void encode_json_reply_head(PackedView id, std::string& out);
void encode_json_reply_head(std::uint64_t id, std::string& out);
/// Appends a reply to an id that is a natural number.
void encode_json_reply(std::uint64_t id, PackedView result, std::string& out);
void encode_json_error(PackedView id, const Error& error, std::string& out);
/// @param params  the map of a server message: `kind`, `object` and the members of that kind
void encode_json_notice(PackedView params, std::string& out);

}  // namespace agora
