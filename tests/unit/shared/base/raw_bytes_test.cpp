// SPDX-License-Identifier: MIT

#include "shared/base/raw_bytes.hpp"

#include <string>

#include "tests/support/catch.hpp"

using agora::RawBytes;

TEST_CASE("raw bytes: appended bytes and bytes written to the room are held in order", "[base]") {
  RawBytes bytes;
  CHECK(bytes.empty());
  CHECK(bytes.view().empty());
  CHECK(bytes.room().empty());
  bytes.append("");
  bytes.append("one");
  bytes.reserve(100);
  CHECK(bytes.capacity() == 100);
  CHECK(bytes.room().size() == 97);
  bytes.room()[0] = '!';
  bytes.grow_by(1);
  CHECK(bytes.view() == "one!");
  bytes.reserve(10);  // less than the present capacity
  CHECK(bytes.capacity() == 100);
  bytes.append(std::string(200, 'x'));
  CHECK(bytes.view() == "one!" + std::string(200, 'x'));
  bytes.drop_front(3);
  CHECK(bytes.view() == "!" + std::string(200, 'x'));
  bytes.clear();
  CHECK(bytes.empty());
  CHECK(bytes.capacity() >= 204);
}

TEST_CASE("raw bytes: a move keeps the address of the bytes", "[base]") {
  RawBytes from;
  from.append("held");
  const char* const address = from.view().data();
  RawBytes to = std::move(from);
  CHECK(to.view().data() == address);
  CHECK(from.empty());
  CHECK(from.capacity() == 0);
  from.append("again");
  CHECK(from.view() == "again");
  from = std::move(to);
  CHECK(from.view() == "held");
  CHECK(to.capacity() == 0);
}
