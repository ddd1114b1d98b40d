// SPDX-License-Identifier: MIT

#include "server/net/output.hpp"

#include "server/storage/heap_extents.hpp"
#include "shared/value/codec.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

std::string all_of(const Output& output) {
  std::array<iovec, 32> parts;
  std::string bytes;
  const std::size_t count = output.gather(parts);
  for (std::size_t i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  return bytes;
}

TEST_CASE("output: bytes and shared values keep their order, however little is sent at a time",
          "[net]") {
  HeapExtents extents;
  Arena arena{extents};
  Values values{arena, 16};
  const Handle large = values.store(pack(std::string(100, 'b')));
  for (const std::size_t step : {1U, 2U, 3U, 7U, 50U, 1000U}) {
    Output output;
    output.bytes() += "first";
    output.append(*values.pin(large));
    output.bytes() += "second";
    output.append(*values.pin(large));
    output.append(*values.pin(large));
    output.bytes() += "last";
    const std::string blob{values.view(large).bytes()};
    const std::string expected = "first" + blob + "second" + blob + blob + "last";
    std::string sent;
    while (!output.empty()) {
      const std::string next = all_of(output).substr(0, step);
      REQUIRE(output.size() == expected.size() - sent.size());
      sent += next;
      output.consume(next.size());
    }
    CHECK(sent == expected);
    CHECK(all_of(output).empty());
  }
}

TEST_CASE("output: a shared value that is dropped stays until it is sent", "[net]") {
  HeapExtents extents;
  Arena arena{extents};
  Values values{arena, 16};
  const Handle large = values.store(pack(std::string(100, 'b')));
  Output output;
  output.append(*values.pin(large));
  values.drop(large);
  CHECK(arena.bytes_used() > 0);
  CHECK(all_of(output).size() == 102);
  output.consume(output.size());
  CHECK(arena.bytes_used() == 0);
}

}  // namespace
}  // namespace agora
