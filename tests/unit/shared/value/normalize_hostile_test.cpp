// SPDX-License-Identifier: MIT

// Hostile input: it must not crash or hang normalize(), exhaust memory or change the output.
#include <string>
#include <vector>

#include "shared/value/normalize.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/random_values.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using namespace agora::test;

namespace {

std::string repeated(const std::string& piece, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += piece;
  return result;
}

std::string map_of_texts(std::size_t count) {
  return written([count](Writer& writer) {
    writer.map(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; i < count; ++i) {
      writer.text("key " + std::to_string(i));
      writer.null();
    }
  });
}

}  // namespace

TEST_CASE("normalize: every prefix of a message is truncated and leaves no output", "[value]") {
  CHECK(rc::check("prefixes are parse errors", [] {
    const std::string bytes = *values();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      RC_ASSERT(outcome(bytes.substr(0, size)) == "ParseError");
    }
  }));
}

TEST_CASE("normalize: random bytes give an error or a value in normal form", "[value]") {
  CHECK(rc::check("whatever comes out is a fixed point", [] {
    const std::string bytes = random_bytes();
    std::string out;
    Budget budget{Limits{}};
    if (!normalize(bytes, out, budget)) {
      RC_ASSERT(out.empty());
      return;
    }
    auto again = normal(out);
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == out);
  }));
}

TEST_CASE("normalize: a changed byte never gives malformed output", "[value]") {
  CHECK(rc::check("mutations are refused or normal", [] {
    std::string bytes = *values();
    const auto place = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[place] = *rc::gen::arbitrary<char>();
    std::string out;
    Budget budget{Limits{}};
    if (!normalize(bytes, out, budget)) return;
    auto again = normal(out);
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == out);
  }));
}

TEST_CASE("normalize: deep nesting stops at the limit", "[value]") {
  CHECK(outcome(joined({repeated("\x91", 100'000), "\x01"})) == "TooLarge");
  CHECK(outcome(joined({repeated("\x81\x01", 100'000), "\x01"})) == "TooLarge");
  CHECK(outcome(joined({repeated("\x91", 64), "\x01"})) == "ok");
  CHECK(outcome(joined({repeated("\x91", 65), "\x01"})) == "TooLarge");
}

TEST_CASE("normalize: headers that declare gigabytes are truncated", "[value]") {
  CHECK(outcome(bytes_of({0xdd, 255, 255, 255, 255})) == "ParseError");
  CHECK(outcome(bytes_of({0xdf, 255, 255, 255, 255, 1})) == "ParseError");
  CHECK(outcome(bytes_of({0xdb, 255, 255, 255, 255, 'x'})) == "ParseError");
  CHECK(outcome(bytes_of({0xc6, 255, 255, 255, 255, 'x'})) == "ParseError");
  CHECK(outcome(bytes_of({0xc9, 255, 255, 255, 255, 1, 'x'})) == "ParseError");
}

TEST_CASE("normalize: many nested headers of many elements stop at a limit", "[value]") {
  CHECK(outcome(repeated(bytes_of({0xdc, 0xff, 0xff}), 24'000)) == "TooLarge");
}

TEST_CASE("normalize: elements over the limit are refused at their header", "[value]") {
  Limits limits;
  limits.elements_max = 1'000;
  const auto list =
      written([](Writer& writer) { writer.list(1'000); }) + std::string(1'000, '\x01');
  CHECK(outcome(list, limits) == "TooLarge");
  limits.elements_max = 1'001;
  CHECK(outcome(list, limits) == "ok");
}

TEST_CASE("normalize: the byte 0xc1 is an error wherever a value is expected", "[value]") {
  CHECK(outcome("\xc1") == "ParseError");
  CHECK(outcome("\x91\xc1") == "ParseError");
  CHECK(outcome("\x82\x01\x02\x03\xc1") == "ParseError");
  CHECK(outcome(bytes_of({0xa1, 0xc1})) == "ValueError");
}

TEST_CASE("normalize: unknown extensions are refused", "[value]") {
  CHECK(outcome(bytes_of({0xd4, 0, 1})) == "ValueError");
  CHECK(outcome(bytes_of({0xd4, 3, 1})) == "ValueError");
  CHECK(outcome(bytes_of({0xd6, 0xff, 1, 2, 3, 4})) == "ValueError");
  CHECK(outcome(bytes_of({0x91, 0xc7, 0, 127})) == "ValueError");
}

TEST_CASE("normalize: text and names that are not UTF-8 are refused, bytes are not checked",
          "[value]") {
  CHECK(outcome(bytes_of({0xa2, 0xc0, 0x80})) == "ValueError");
  CHECK(outcome(bytes_of({0xd5, 1, 0xc0, 0x80})) == "ValueError");
  CHECK(outcome(bytes_of({0x81, 0xa1, 0xff, 1})) == "ValueError");
  CHECK(outcome(bytes_of({0xc4, 2, 0xc0, 0x80})) == "ok");
}

TEST_CASE("normalize: a key that is or contains a map or an opaque is refused", "[value]") {
  const auto opaque = bytes_of({0xd6, 2, 0x92, 0xc4, 0, 0x90});
  CHECK(outcome(bytes_of({0x81, 0x80, 1})) == "TypeError");
  CHECK(outcome(bytes_of({0x81, 0x91, 0x91, 0x80, 1})) == "TypeError");
  CHECK(outcome(joined({"\x81", opaque, "\x01"})) == "TypeError");
  CHECK(outcome(joined({"\x81\x92\x01", opaque, "\x01"})) == "TypeError");
  CHECK(outcome(bytes_of({0x82, 1, 0x80, 0x91, 1, 0x80})) == "ok");
  CHECK(outcome(joined({"\x81\x01", opaque})) == "ok");
}

TEST_CASE("normalize: equal keys in different forms are duplicates", "[value]") {
  const auto real = [](double number) {
    return written([number](Writer& writer) { writer.real(number); });
  };
  const auto pair_of = [](const std::string& a, const std::string& b) {
    return joined({"\x82", a, "\x01", b, "\x01"});
  };
  CHECK(outcome(pair_of("\xa1x", "\xa1x")) == "ValueError");
  CHECK(outcome(pair_of("\xa1x", bytes_of({0xd9, 1, 'x'}))) == "ValueError");
  CHECK(outcome(pair_of("\x01", real(1.0))) == "ValueError");
  CHECK(outcome(pair_of(real(1.0), "\x01")) == "ValueError");
  CHECK(outcome(pair_of(std::string(1, '\0'), real(-0.0))) == "ValueError");
  CHECK(outcome(pair_of(real(NAN), real(-NAN))) == "ValueError");
  CHECK(outcome(pair_of("\x91\x01", joined({"\x91", real(1.0)}))) == "ValueError");
  CHECK(outcome(pair_of(bytes_of({0xcc, 5}), "\x05")) == "ValueError");
  CHECK(outcome(pair_of("\x01", "\xc3")) == "ok");
  CHECK(outcome(pair_of("\x02",
                        "\xa1"
                        "2")) == "ok");
  CHECK(outcome(pair_of("\xa1x", bytes_of({0xc4, 1, 'x'}))) == "ok");
  CHECK(outcome(pair_of("\xa1x", bytes_of({0xd4, 1, 'x'}))) == "ok");
}

TEST_CASE("normalize: the error names the duplicate key", "[value]") {
  auto result = normal(bytes_of({0x82, 0xa1, 'x', 1, 0xa1, 'x', 2}));
  REQUIRE_FALSE(result);
  CHECK(result.error().message == "a map has the key text \"x\" twice");
}

TEST_CASE("normalize: duplicates are found at any position, in small and large maps", "[value]") {
  for (const std::size_t count : {2U, 7U, 8U, 9U, 10U, 500U}) {
    const std::string map = map_of_texts(count);
    CHECK(outcome(map) == "ok");
    for (const std::size_t copied : {std::size_t{0}, count / 2, count - 1}) {
      INFO(count << " keys, twice the key " << copied);
      const std::string doubled = written([&](Writer& writer) {
        writer.map(static_cast<std::uint32_t>(count + 1));
        Reader reader(map);
        Token header;
        CHECK(reader.next(header) == Reader::Status::ok);
        writer.out().append(reader.rest());
        writer.text("key " + std::to_string(copied));
        writer.null();
      });
      CHECK(outcome(doubled) == "ValueError");
    }
  }
}

TEST_CASE("normalize: the same key in an outer and an inner map is not a duplicate", "[value]") {
  CHECK(outcome(bytes_of({0x82, 1, 0x82, 1, 1, 2, 2, 2, 0x82, 1, 1, 2, 2})) == "ok");
  CHECK(outcome(bytes_of({0x82, 1, 0x82, 1, 1, 2, 2, 1, 0x90})) == "ValueError");
  CHECK(outcome(bytes_of({0x82, 1, 0x82, 1, 1, 1, 2, 2, 0x90})) == "ValueError");
}

TEST_CASE("normalize: a large map of keys of equal length and prefix is checked in O(n log n)",
          "[value]") {
  const std::string map = written([](Writer& writer) {
    writer.map(50'000);
    for (std::uint32_t i = 0; i < 50'000; ++i) {
      writer.text(std::string(32, 'x') + std::to_string(100'000 + i));
      writer.real(i);
    }
  });
  CHECK(outcome(map) == "ok");
}
