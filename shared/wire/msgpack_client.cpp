// SPDX-License-Identifier: MIT

#include "shared/wire/msgpack_client.hpp"

#include <limits>
#include <optional>
#include <utility>

#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "shared/wire/error_data.hpp"
#include "shared/wire/json_write.hpp"
#include "shared/wire/msgpack_rpc.hpp"

namespace agora {
namespace {

// Returns the next token, or nullopt if it is of another kind.
std::optional<Token> expect(Reader& reader, Kind kind) {
  Token token;
  const bool good = reader.next(token) == Reader::Status::ok && token.kind == kind;
  return good && !token.unknown_extension ? std::optional(token) : std::nullopt;
}

// Decodes `[code, type, message, data]`; returns nullopt for any other shape.
std::optional<Error> agora_error(PackedView value) {
  Reader reader(value);
  const auto header = expect(reader, Kind::list);
  if (!header || header->count != 4) return std::nullopt;
  const auto code = expect(reader, Kind::integer);
  const auto type = expect(reader, Kind::text);
  const auto message = type ? expect(reader, Kind::text) : std::nullopt;
  if (!code || !message) return std::nullopt;
  Error error;
  error.code = errc_of(code->integer).value_or(Errc::internal_error);
  error.message = message->body;
  error.done = Done::unknown;
  read_error_data(reader.value(), error);
  return error;
}

std::unique_ptr<Error> error_of(PackedView value) {
  if (auto error = agora_error(value)) return std::make_unique<Error>(std::move(*error));
  Error foreign{Errc::runtime_error, {}, Done::unknown, {}};
  packed_to_json(value, foreign.message);
  return std::make_unique<Error>(std::move(foreign));
}

bool read_reply(Reader& reader, ServerMessage& message) {
  const auto id = expect(reader, Kind::integer);
  if (!id || id->negative || id->natural > std::numeric_limits<std::uint32_t>::max()) return false;
  message.id = static_cast<std::uint32_t>(id->natural);
  const PackedView error = reader.value();
  const PackedView result = reader.value();
  if (!error.present() || !result.present()) return false;
  if (error.is_null()) {
    message.result = result;
  } else {
    message.error = error_of(error);
  }
  return true;
}

bool read_notice(Reader& reader, ServerMessage& message) {
  message.kind = ServerMessage::Kind::notice;
  const auto method = expect(reader, Kind::text);
  if (!method || method->body != "notice") return false;
  const auto params = expect(reader, Kind::list);
  if (!params || params->count != 1) return false;
  message.notice = reader.value();
  return message.notice.present() && message.notice.kind() == Kind::map;
}

}  // namespace

void begin_msgpack_request(std::uint32_t id, std::string_view method, std::uint32_t params,
                           std::string& out) {
  Writer writer(out);
  writer.list(4);
  writer.unsigned_integer(0);
  writer.unsigned_integer(id);
  writer.text(method);
  writer.list(params);
}

void begin_msgpack_notification(std::string_view method, std::uint32_t params, std::string& out) {
  Writer writer(out);
  writer.list(3);
  writer.unsigned_integer(2);
  writer.text(method);
  writer.list(params);
}

void append_call_options(PackedView options, std::string& out) {
  Writer(out).extension(kCallOptionsExtension, options.bytes());
}

Expected<ServerMessage> decode_server_message(std::string_view frame) {
  Reader reader(frame);
  ServerMessage message;
  const auto header = expect(reader, Kind::list);
  const auto type = header ? expect(reader, Kind::integer) : std::nullopt;
  bool good = type && !type->negative;
  if (good && type->natural == 1 && header->count == 4) {
    good = read_reply(reader, message);
  } else if (good && type->natural == 2 && header->count == 3) {
    good = read_notice(reader, message);
  } else {
    good = false;
  }
  if (good && reader.at_end()) return message;
  return fail(Errc::invalid_request,
              R"(expected [1, id, error, result] or [2, "notice", [map]] from the server)");
}

}  // namespace agora
