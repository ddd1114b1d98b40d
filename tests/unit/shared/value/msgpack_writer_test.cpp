// SPDX-License-Identifier: MIT

#include "shared/value/msgpack_writer.hpp"

#include <limits>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/unit/shared/value/samples.hpp"

using namespace agora;
using agora::test::bytes_of;
using agora::test::written;

TEST_CASE("msgpack writer: ints have their shortest form at every size boundary", "[value]") {
  struct Row {
    std::int64_t value;
    std::string bytes;
  };
  const std::vector<Row> rows{
      {0, bytes_of({0x00})},
      {1, bytes_of({0x01})},
      {127, bytes_of({0x7f})},
      {128, bytes_of({0xcc, 0x80})},
      {255, bytes_of({0xcc, 0xff})},
      {256, bytes_of({0xcd, 0x01, 0x00})},
      {65535, bytes_of({0xcd, 0xff, 0xff})},
      {65536, bytes_of({0xce, 0x00, 0x01, 0x00, 0x00})},
      {4294967295, bytes_of({0xce, 0xff, 0xff, 0xff, 0xff})},
      {4294967296, bytes_of({0xcf, 0, 0, 0, 1, 0, 0, 0, 0})},
      {std::numeric_limits<std::int64_t>::max(),
       bytes_of({0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})},
      {-1, bytes_of({0xff})},
      {-32, bytes_of({0xe0})},
      {-33, bytes_of({0xd0, 0xdf})},
      {-128, bytes_of({0xd0, 0x80})},
      {-129, bytes_of({0xd1, 0xff, 0x7f})},
      {-32768, bytes_of({0xd1, 0x80, 0x00})},
      {-32769, bytes_of({0xd2, 0xff, 0xff, 0x7f, 0xff})},
      {-2147483648LL, bytes_of({0xd2, 0x80, 0x00, 0x00, 0x00})},
      {-2147483649LL, bytes_of({0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})},
      {std::numeric_limits<std::int64_t>::min(), bytes_of({0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0})},
  };
  for (const Row& row : rows) {
    INFO(row.value);
    CHECK(written([&](Writer& writer) { writer.integer(row.value); }) == row.bytes);
  }
  CHECK(written([](Writer& writer) { writer.unsigned_integer(UINT64_MAX); }) ==
        bytes_of({0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
}

TEST_CASE("msgpack writer: null, bool and floats have one form each", "[value]") {
  CHECK(written([](Writer& writer) { writer.null(); }) == bytes_of({0xc0}));
  CHECK(written([](Writer& writer) { writer.boolean(false); }) == bytes_of({0xc2}));
  CHECK(written([](Writer& writer) { writer.boolean(true); }) == bytes_of({0xc3}));
  CHECK(written([](Writer& writer) { writer.real(1.5); }) ==
        bytes_of({0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("msgpack writer: text and bytes have the shortest header at every size boundary",
          "[value]") {
  struct Row {
    std::size_t size;
    std::string text_header;
    std::string bytes_header;
  };
  const std::vector<Row> rows{
      {0, bytes_of({0xa0}), bytes_of({0xc4, 0})},
      {31, bytes_of({0xbf}), bytes_of({0xc4, 31})},
      {32, bytes_of({0xd9, 32}), bytes_of({0xc4, 32})},
      {255, bytes_of({0xd9, 255}), bytes_of({0xc4, 255})},
      {256, bytes_of({0xda, 1, 0}), bytes_of({0xc5, 1, 0})},
      {65535, bytes_of({0xda, 255, 255}), bytes_of({0xc5, 255, 255})},
      {65536, bytes_of({0xdb, 0, 1, 0, 0}), bytes_of({0xc6, 0, 1, 0, 0})},
  };
  for (const Row& row : rows) {
    INFO(row.size);
    const std::string body(row.size, 'x');
    CHECK(written([&](Writer& writer) { writer.text(body); }) == row.text_header + body);
    CHECK(written([&](Writer& writer) { writer.bytes(body); }) == row.bytes_header + body);
  }
}

TEST_CASE("msgpack writer: lists and maps have the shortest header at every size boundary",
          "[value]") {
  struct Row {
    std::uint32_t count;
    std::string list_header;
    std::string map_header;
  };
  const std::vector<Row> rows{
      {0, bytes_of({0x90}), bytes_of({0x80})},
      {15, bytes_of({0x9f}), bytes_of({0x8f})},
      {16, bytes_of({0xdc, 0, 16}), bytes_of({0xde, 0, 16})},
      {65535, bytes_of({0xdc, 255, 255}), bytes_of({0xde, 255, 255})},
      {65536, bytes_of({0xdd, 0, 1, 0, 0}), bytes_of({0xdf, 0, 1, 0, 0})},
      {UINT32_MAX, bytes_of({0xdd, 255, 255, 255, 255}), bytes_of({0xdf, 255, 255, 255, 255})},
  };
  for (const Row& row : rows) {
    INFO(row.count);
    CHECK(written([&](Writer& writer) { writer.list(row.count); }) == row.list_header);
    CHECK(written([&](Writer& writer) { writer.map(row.count); }) == row.map_header);
  }
}

TEST_CASE("msgpack writer: extensions use the fixed sizes where possible", "[value]") {
  struct Row {
    std::size_t size;
    std::string header;
  };
  const std::vector<Row> rows{
      {0, bytes_of({0xc7, 0, 1})},
      {1, bytes_of({0xd4, 1})},
      {2, bytes_of({0xd5, 1})},
      {3, bytes_of({0xc7, 3, 1})},
      {4, bytes_of({0xd6, 1})},
      {5, bytes_of({0xc7, 5, 1})},
      {8, bytes_of({0xd7, 1})},
      {16, bytes_of({0xd8, 1})},
      {17, bytes_of({0xc7, 17, 1})},
      {32, bytes_of({0xc7, 32, 1})},
      {255, bytes_of({0xc7, 255, 1})},
      {256, bytes_of({0xc8, 1, 0, 1})},
      {65535, bytes_of({0xc8, 255, 255, 1})},
      {65536, bytes_of({0xc9, 0, 1, 0, 0, 1})},
  };
  for (const Row& row : rows) {
    INFO(row.size);
    const std::string name(row.size, 'n');
    CHECK(written([&](Writer& writer) { writer.reference(name); }) == row.header + name);
  }
}

TEST_CASE("msgpack writer: an opaque is extension 2, and other types keep their number",
          "[value]") {
  CHECK(written([](Writer& writer) { writer.opaque("abc"); }) ==
        bytes_of({0xc7, 3, 2, 'a', 'b', 'c'}));
  CHECK(written([](Writer& writer) { writer.extension(-1, "abcd"); }) ==
        bytes_of({0xd6, 0xff, 'a', 'b', 'c', 'd'}));
}

TEST_CASE("msgpack writer: appends behind the present content", "[value]") {
  std::string out = "kept";
  Writer writer(out);
  writer.integer(5);
  writer.packed(PackedView("\x91\x01"));
  CHECK(out == "kept\x05\x91\x01");
}
