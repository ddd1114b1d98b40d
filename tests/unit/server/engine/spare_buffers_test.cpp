// SPDX-License-Identifier: MIT

#include "server/engine/spare_buffers.hpp"

#include "tests/support/catch.hpp"

namespace agora {
namespace {

RawBytes buffer_of(std::size_t bytes) {
  RawBytes made;
  made.reserve(bytes);
  made.append("left over");
  return made;
}

TEST_CASE("spare buffers: a buffer that is taken is large enough and empty", "[engine]") {
  SpareBuffers spares;
  CHECK(spares.empty());
  CHECK(spares.take(1).capacity() == 0);
  spares.keep(buffer_of(1'000));
  spares.keep(buffer_of(5'000));
  spares.keep(buffer_of(2'000));
  CHECK(spares.take(10'000).capacity() == 0);
  const RawBytes taken = spares.take(2'500);
  CHECK(taken.capacity() == 5'000);
  CHECK(taken.empty());
  CHECK(spares.take(500).capacity() == 2'000);  // the newest that has the room
  CHECK(spares.take(500).capacity() == 1'000);
  CHECK(spares.empty());
}

TEST_CASE("spare buffers: a small message does not get the memory of a huge one", "[engine]") {
  SpareBuffers spares;
  spares.keep(buffer_of(60'000));
  CHECK(spares.take(1'000).capacity() == 0);
  CHECK(spares.take(14'999).capacity() == 0);
  CHECK(spares.take(15'000).capacity() == 60'000);
}

TEST_CASE("spare buffers: unused memory is freed periodically", "[engine]") {
  SpareBuffers spares;
  for (int i = 0; i < 4; ++i) spares.keep(buffer_of(1'000));
  spares.release_unused();  // all were added since the last call, so none is unused
  // Two of the four are taken once.
  RawBytes first = spares.take(1'000);
  RawBytes second = spares.take(1'000);
  spares.keep(std::move(first));
  spares.keep(std::move(second));
  spares.release_unused();
  CHECK(spares.take(1'000).capacity() == 1'000);
  CHECK(spares.take(1'000).capacity() == 1'000);
  CHECK(spares.take(1'000).capacity() == 0);
}

TEST_CASE("spare buffers: all are freed while no message needs them, the oldest first",
          "[engine]") {
  SpareBuffers spares;
  for (int i = 0; i < 100; ++i) spares.keep(buffer_of(1'000));
  spares.release_unused();
  CHECK_FALSE(spares.empty());
  spares.release_unused();
  CHECK(spares.empty());
  spares.keep(buffer_of(std::size_t{200} << 20));
  spares.keep(buffer_of(std::size_t{100} << 20));  // together beyond the bound
  CHECK(spares.take(std::size_t{50} << 20).capacity() == std::size_t{100} << 20);
  CHECK(spares.empty());
}

}  // namespace
}  // namespace agora
