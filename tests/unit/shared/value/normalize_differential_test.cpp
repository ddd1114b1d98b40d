// SPDX-License-Identifier: MIT

// Differential tests: our MessagePack against that of nlohmann/json, in both directions.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "shared/value/normalize.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;
using nlohmann::json;

namespace {

json random_json(int depth);

json random_json_list(int depth) {
  json list = json::array();
  const int count = *rc::gen::inRange(0, 20);
  for (int i = 0; i < count; ++i) list.push_back(random_json(depth - 1));
  return list;
}

json random_json_map(int depth) {
  json map = json::object();
  const int count = *rc::gen::inRange(0, 20);
  for (int i = 0; i < count; ++i) map[random_text()] = random_json(depth - 1);
  return map;
}

// Without NaN, which compares unequal to itself in nlohmann.
double random_finite() {
  const double number = random_real();
  return std::isfinite(number) ? number : 0.25;
}

json random_json(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 9 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return random_integer();
    case 3:
      return *rc::gen::arbitrary<std::uint64_t>();
    case 4:
      return random_finite();
    case 5:
      return random_text();
    case 6: {
      const std::string raw = random_bytes();
      return json::binary({raw.begin(), raw.end()});
    }
    case 7:
      return random_json_list(depth);
    default:
      return random_json_map(depth);
  }
}

std::string to_msgpack(const json& value) {
  const std::vector<std::uint8_t> bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

void write_json(Writer& writer, const json& value) {
  switch (value.type()) {
    case json::value_t::boolean:
      return writer.boolean(value.get<bool>());
    case json::value_t::number_integer:
      return writer.integer(value.get<std::int64_t>());
    case json::value_t::number_unsigned:
      return writer.unsigned_integer(value.get<std::uint64_t>());
    case json::value_t::number_float:
      return writer.real(value.get<double>());
    case json::value_t::string:
      return writer.text(value.get_ref<const std::string&>());
    case json::value_t::binary: {
      const auto& raw = value.get_binary();
      return writer.bytes({reinterpret_cast<const char*>(raw.data()), raw.size()});
    }
    case json::value_t::array:
      writer.list(static_cast<std::uint32_t>(value.size()));
      for (const json& element : value) write_json(writer, element);
      return;
    case json::value_t::object:
      writer.map(static_cast<std::uint32_t>(value.size()));
      for (const auto& [key, mapped] : value.items()) {
        writer.text(key);
        write_json(writer, mapped);
      }
      return;
    default:
      return writer.null();
  }
}

}  // namespace

TEST_CASE("normalize: nlohmann's output becomes the output of our writer", "[value]") {
  CHECK(rc::check("normalize(to_msgpack(x)) is what Writer writes", [] {
    const json value = random_json(3);
    auto result = normal(to_msgpack(value));
    RC_ASSERT(result.has_value());
    RC_ASSERT(*result == written([&](Writer& writer) { write_json(writer, value); }));
  }));
}

TEST_CASE("msgpack writer: nlohmann reads the same value", "[value]") {
  CHECK(rc::check("from_msgpack(Writer(x)) == x", [] {
    const json value = random_json(3);
    const std::string bytes = written([&](Writer& writer) { write_json(writer, value); });
    const json back = json::from_msgpack(bytes);
    RC_ASSERT(back == value);
    RC_ASSERT(normal(to_msgpack(back)).has_value());
    RC_ASSERT(*normal(to_msgpack(back)) == bytes);
  }));
}

TEST_CASE("normalize: input that nlohmann accepts is not a parse error", "[value]") {
  CHECK(rc::check("no parse error where nlohmann has none", [] {
    std::string bytes = to_msgpack(random_json(2));
    const auto place = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[place] = *rc::gen::arbitrary<char>();
    bytes.resize(*rc::gen::inRange<std::size_t>(place, bytes.size()) + 1);
    std::string out;
    Budget budget{Limits{}};
    auto taken = normalize(bytes, out, budget);
    // nlohmann does not support maps whose keys are not text, so only one direction is tested.
    const json theirs = json::from_msgpack(bytes, false, false);
    if (theirs.is_discarded()) return;
    const bool framed = taken || taken.error().code != Errc::parse_error;
    RC_ASSERT(framed);
  }));
}
