// SPDX-License-Identifier: MIT

#include "shared/value/text_body.hpp"

#include <string>

#include "shared/value/msgpack_writer.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

TEST_CASE("text body: found for any length", "[value]") {
  for (const std::size_t size : {0, 1, 31, 32, 255, 256, 65535}) {
    const std::string body(size, 'x');
    std::string packed;
    Writer{packed}.text(body);
    CHECK(text_body(packed).data() != nullptr);
    CHECK(text_body(packed) == body);
    // A torn read: the length does not match the bytes.
    CHECK(text_body(packed + 'x').data() == nullptr);
    CHECK(text_body(std::string_view{packed}.substr(0, packed.size() - 1)).data() == nullptr);
  }
}

TEST_CASE("text header: header and characters are the encoded text", "[value]") {
  for (const std::size_t size : {0, 1, 31, 32, 255, 256, 65535, 65536, 20'000'000}) {
    const std::string body(size, 'x');
    std::string packed;
    Writer{packed}.text(body);
    const TextHeader head = text_header(size);
    std::string made;
    for (std::size_t i = 0; i < head.size; ++i) made += static_cast<char>(head.bytes >> (8 * i));
    CHECK((made + body == packed));
  }
}

TEST_CASE("text body: other kinds have none", "[value]") {
  for (int first = 0; first < 256; ++first) {
    if ((first & 0xe0) == 0xa0) continue;
    for (std::size_t size = 0; size < 5; ++size) {
      std::string packed(size, '\x7f');
      if (size > 0) packed[0] = static_cast<char>(first);
      CHECK(text_body(packed).data() == nullptr);
    }
  }
}
