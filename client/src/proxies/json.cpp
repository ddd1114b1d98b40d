// SPDX-License-Identifier: MIT

#include <agora/error.hpp>
#include <agora/json.hpp>

#include "shared/base/limits.hpp"
#include "shared/value/describe.hpp"
#include "shared/value/utf8.hpp"

namespace agora {
namespace {

using nlohmann::json;

const std::uint32_t kDepthMax = Limits{}.depth_max;

void check_text(const std::string& text) {
  if (is_utf8(text)) return;
  throw_error({Errc::value_error, "text in a JSON value is not UTF-8", Done::no, {}});
}

// The check of the depth bounds the recursion, as that of decode() does.
void encode(Writer& writer, const json& node, std::uint32_t depth) {
  if (depth > kDepthMax) {
    throw_error({Errc::value_error,
                 "a JSON value nested deeper than " + std::to_string(kDepthMax),
                 Done::no,
                 {}});
  }
  switch (node.type()) {
    case json::value_t::null:
    case json::value_t::discarded:
      return writer.null();
    case json::value_t::boolean:
      return writer.boolean(node.get<bool>());
    case json::value_t::number_integer:
      return writer.integer(node.get<std::int64_t>());
    case json::value_t::number_unsigned:
      return writer.unsigned_integer(node.get<std::uint64_t>());
    case json::value_t::number_float:
      return writer.real(node.get<double>());
    case json::value_t::string:
      check_text(node.get_ref<const std::string&>());
      return writer.text(node.get_ref<const std::string&>());
    case json::value_t::binary: {
      const auto& raw = node.get_binary();
      return writer.bytes({reinterpret_cast<const char*>(raw.data()), raw.size()});
    }
    case json::value_t::array:
      writer.list(count_of(node.size()));
      for (const json& element : node) encode(writer, element, depth + 1);
      return;
    case json::value_t::object:
      writer.map(count_of(node.size()));
      for (const auto& [key, member] : node.items()) {
        check_text(key);
        writer.text(key);
        encode(writer, member, depth + 1);
      }
      return;
  }
}

Expected<json> decode(Reader& reader, std::uint32_t depth);

Expected<json> decode_list(Reader& reader, std::uint32_t count, std::uint32_t depth) {
  json result = json::array();
  for (std::uint32_t i = 0; i < count; ++i) {
    auto element = decode(reader, depth + 1);
    if (!element) return at_element(i, element.failure());
    result.push_back(std::move(*element));
  }
  return result;
}

Expected<json> decode_map(Reader& reader, std::uint32_t count, std::uint32_t depth) {
  json result = json::object();
  for (std::uint32_t i = 0; i < count; ++i) {
    const PackedView packed_key = reader.value();
    auto key = unpack<std::string>(packed_key);
    if (!key) return mismatch("a map with text keys for JSON", packed_key);
    auto member = decode(reader, depth + 1);
    if (!member) return at_key(packed_key, member.failure());
    result[std::move(*key)] = std::move(*member);
  }
  return result;
}

json decode_bytes(std::string_view raw) {
  return json::binary(std::vector<std::uint8_t>(raw.begin(), raw.end()));
}

Expected<json> decode(Reader& reader, std::uint32_t depth) {
  const PackedView whole(reader.rest());
  Token token;
  if (depth > kDepthMax || reader.next(token) != Reader::Status::ok) {
    return mismatch("JSON", whole);
  }
  switch (token.kind) {
    case Kind::null:
      return json();
    case Kind::boolean:
      return json(token.boolean);
    case Kind::integer:
      return token.negative ? json(token.integer) : json(token.natural);
    case Kind::real:
      return json(token.real);
    case Kind::text:
      return json(std::string(token.body));
    case Kind::bytes:
      return decode_bytes(token.body);
    case Kind::list:
      return decode_list(reader, token.count, depth);
    case Kind::map:
      return decode_map(reader, token.count, depth);
    case Kind::reference:
    case Kind::opaque:
      break;
  }
  return mismatch("JSON", whole);
}

}  // namespace

void encode_json(Writer& writer, const nlohmann::json& document) { encode(writer, document, 1); }

Expected<nlohmann::json> decode_json(PackedView value) {
  Reader reader(value);
  return decode(reader, 1);
}

}  // namespace agora
