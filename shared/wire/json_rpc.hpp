// JSON-RPC 2.0 (jsonrpc.org/specification), one message a line; see the wire's "Text".
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

/// Longest text that is taken as an `id`, bytes: it is echoed, and kept while the call waits.
inline constexpr std::size_t kIdBytesMax = 256;

/// True if `line` is JSON by its first byte that is not blank, else it is a typed line.
bool is_json_line(std::string_view line);

/// Reads lines of calls. Keeps its buffers between lines.
class JsonRpcDecoder {
 public:
  struct Result {
    std::span<Message> messages;  ///< never empty
    bool batch = false;           ///< answer with one array, or not at all if all are notifications
  };

  explicit JsonRpcDecoder(const Limits& limits) : limits_(limits), reader_(Budget(limits)) {}

  /// The calls of one line (without its end). What is wrong with a line or a call stands in the
  /// messages: a line that is no JSON, an empty batch and one over the limit give one refusal with
  /// id null. Everything in the result lives until the next decode().
  /// @par Refusals
  /// parse_error (no JSON), invalid_request (no request, wrong `id`, `params` or `jsonrpc`),
  /// too_large (batch, depth, elements), value_error and type_error (a value inside `params` or
  /// `guard`; only here the refusal carries the id). A call that is too large to be read to its end
  /// is refused with its id if that came first.
  Result decode(std::string_view line);

 private:
  struct Members;
  struct Place {  // of a value in out_
    std::size_t begin = 0;
    std::size_t size = 0;
  };
  struct Places {
    Place params;
    Place id;
    Place options;
  };

  Result refuse(Error error);
  Result refuse_unread(Error error);
  void add(PackedView loose, Budget& budget);
  Expected<void> read_call(PackedView loose, Message& message, Places& places, Budget& budget);
  Expected<void> read_contents(const Members& members, Places& places, Budget& budget);
  void resolve();

  Limits limits_;
  JsonReader reader_;
  std::string out_;  // ids, params and options of all calls of the line
  std::vector<Message> messages_;
  std::vector<Places> places_;  // of each message's parts: out_ may move while it grows
};

/// Append one message, without a line end (a batch puts several into one line).
void encode_json_reply(PackedView id, PackedView result, std::string& out);
/// The same for an id that is a natural number.
void encode_json_reply(std::uint64_t id, PackedView result, std::string& out);
void encode_json_error(PackedView id, const Error& error, std::string& out);
/// `params` is the map of a server message: `kind`, `object` and what belongs to the kind.
void encode_json_notice(PackedView params, std::string& out);

}  // namespace agora
