// SPDX-License-Identifier: MIT

#include "shared/wire/framing.hpp"

#include <string>

#include <rapidcheck.h>

#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/shared/wire/wire_samples.hpp"

using namespace agora;
using namespace std::string_literals;

namespace {

FrameBounds bounds(std::size_t bytes_max = 1000) {
  Limits limits;
  limits.frame_bytes_max = bytes_max;
  limits.depth_max = 4;
  limits.elements_max = 25;
  return FrameBounds(limits);
}

// Feeds `input` as a buffer that grows by `step` bytes each time, and returns the lengths of the
// frames; the last one is 0 if the framing was lost.
template <typename Framer>
std::vector<std::size_t> frames(Framer framer, const std::string& input, std::size_t step) {
  std::vector<std::size_t> found;
  std::size_t begin = 0;
  std::size_t end = 0;
  while (true) {
    const auto status = framer.scan(std::string_view(input).substr(begin, end - begin));
    if (status == FrameStatus::frame) {
      found.push_back(framer.frame_bytes());
      begin += framer.frame_bytes();
    } else if (status == FrameStatus::broken) {
      found.push_back(0);
      return found;
    } else if (end == input.size()) {
      return found;
    } else {
      end = std::min(end + step, input.size());
    }
  }
}

Errc error_code(const std::string& input, FrameBounds limits = bounds()) {
  MsgpackFramer framer(limits);
  if (framer.scan(input) != FrameStatus::broken) return Errc::internal_error;
  CHECK(framer.scan(input) == FrameStatus::broken);
  return framer.error().code;
}

FrameStatus status(const std::string& input, FrameBounds limits = bounds()) {
  return MsgpackFramer(limits).scan(input);
}

}  // namespace

TEST_CASE("msgpack framer: every kind of value is framed at its end", "[wire]") {
  const std::string samples[] = {"\x00"s,
                                 "\x7f",
                                 "\xe0",
                                 "\xff",
                                 "\xc0",
                                 "\xc2",
                                 "\xc3",
                                 "\xa0",
                                 "\xa3"
                                 "abc",
                                 "\x80",
                                 "\x90",
                                 "\xc4\x02zz",
                                 "\xc5\x00\x01z"s,
                                 "\xc6\x00\x00\x00\x01z"s,
                                 "\xc7\x02\x05zz",
                                 "\xc7\x00\x05"s,
                                 "\xc8\x00\x01\x05z"s,
                                 "\xc9\x00\x00\x00\x01\x05z"s,
                                 "\xca"
                                 "1234",
                                 "\xcb"
                                 "12345678",
                                 "\xcc"
                                 "1",
                                 "\xcd"
                                 "12",
                                 "\xce"
                                 "1234",
                                 "\xcf"
                                 "12345678",
                                 "\xd0"
                                 "1",
                                 "\xd1"
                                 "12",
                                 "\xd2"
                                 "1234",
                                 "\xd3"
                                 "12345678",
                                 "\xd4\x05z",
                                 "\xd5\x05zz",
                                 "\xd6\x05zzzz",
                                 "\xd7\x05zzzzzzzz",
                                 "\xd8\x05" + std::string(16, 'z'),
                                 "\xd9\x01z",
                                 "\xda\x00\x01z"s,
                                 "\xdb\x00\x00\x00\x01z"s,
                                 "\xdc\x00\x01\xc0"s,
                                 "\xdd\x00\x00\x00\x01\xc0"s,
                                 "\xde\x00\x01\xc0\xc0"s,
                                 "\xdf\x00\x00\x00\x01\xc0\xc0"s,
                                 "\x82\xa1"
                                 "a\x91\x01\x02\x80",
                                 "\x92\x90\x91\x90"};
  for (const std::string& sample : samples) {
    CAPTURE(sample);
    MsgpackFramer framer(bounds());
    for (std::size_t n = 0; n < sample.size(); ++n) {
      CHECK(framer.scan(sample.substr(0, n)) == FrameStatus::need_more);
    }
    CHECK(framer.scan(sample + "\xc1") == FrameStatus::frame);
    CHECK(framer.frame_bytes() == sample.size());
    CHECK(framer.scan("\xc0") == FrameStatus::frame);
    CHECK(framer.frame_bytes() == 1);
  }
}

TEST_CASE("msgpack framer: the byte 0xc1 at the start of a value loses the framing", "[wire]") {
  CHECK(error_code("\xc1") == Errc::invalid_request);
  CHECK(error_code("\x94\x00\x01\xc1"s) == Errc::invalid_request);
  CHECK(status("\xa1\xc1") == FrameStatus::frame);
}

TEST_CASE("msgpack framer: a message over the byte limit is refused at the header that declares it",
          "[wire]") {
  CHECK(status("\xda\x03\xe5"s) == FrameStatus::need_more);  // 997 bytes and 3 of the header
  CHECK(error_code("\xda\x03\xe6"s) == Errc::too_large);
  for (const char* header : {"\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff", "\xdb\x40\x01\x01\x01",
                             "\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff"}) {
    CHECK(error_code(std::string(header, 5)) == Errc::too_large);
    CHECK(error_code("\x94\x00\x01"s + header) == Errc::too_large);
  }
}

TEST_CASE("msgpack framer: more elements than can still fit are refused before they arrive",
          "[wire]") {
  Limits wide;
  wide.frame_bytes_max = 1000;
  const FrameBounds limits{wide};
  CHECK(status("\xdc\x03\xe5"s, limits) == FrameStatus::need_more);
  CHECK(error_code("\xdc\x03\xe6"s, limits) == Errc::too_large);
  CHECK(error_code("\x92\xdc\x01\xf0\xdc\x01\xf0"s, limits) == Errc::internal_error);
  CHECK(error_code("\xde\x01\xf3"s, limits) == Errc::too_large);
  CHECK(error_code("\xdc\x02\xf4\xdc\x01\xf4"s, limits) == Errc::too_large);
}

TEST_CASE("msgpack framer: nested headers cannot declare more than the element limit", "[wire]") {
  CHECK(status("\xdc\x00\x63"s) == FrameStatus::need_more);  // 4 * 25, the list itself included
  CHECK(error_code("\xdc\x00\x64"s) == Errc::too_large);
  CHECK(error_code("\xdc\x00\x40\xdc\x00\x24"s) == Errc::too_large);
  std::string amplified;
  for (int i = 0; i < 24'000; ++i) amplified += "\xdc\xff\xff";
  CHECK(error_code(amplified, FrameBounds(Limits{})) == Errc::too_large);
}

TEST_CASE("msgpack framer: nesting is bounded", "[wire]") {
  CHECK(status(std::string(16, '\x91') + "\xc0") == FrameStatus::frame);
  CHECK(error_code(std::string(17, '\x91')) == Errc::too_large);
  CHECK(error_code(std::string(17, '\x81')) == Errc::too_large);
  CHECK(error_code(std::string(100'000, '\x91'), FrameBounds(Limits{})) == Errc::too_large);
}

TEST_CASE("msgpack framer: the error names the limit", "[wire]") {
  MsgpackFramer framer(bounds());
  REQUIRE(framer.scan("\xdd\xff\xff\xff\xff") == FrameStatus::broken);
  REQUIRE(framer.error().details.size() == 1);
  CHECK(framer.error().details[0].name == "limit");
  CHECK(test::json_of(framer.error().details[0].packed) == "\"frame_bytes_max\"");
}

TEST_CASE("msgpack framer: frames do not depend on how the bytes arrive", "[wire]") {
  CHECK(rc::check("any step gives the same frames", [] {
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
    test::ValueMaker maker(seed);
    std::string input;
    std::vector<std::size_t> lengths;
    for (int i = 0; i < 3; ++i) {
      const std::size_t before = input.size();
      Writer writer(input);
      maker.any(writer, 3);
      lengths.push_back(input.size() - before);
    }
    const MsgpackFramer framer{FrameBounds(Limits{})};
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, input.size()}) {
      RC_ASSERT(frames(framer, input, step) == lengths);
    }
  }));
}

TEST_CASE("msgpack framer: agrees with the reader about random bytes", "[wire]") {
  CHECK(rc::check("same end, same verdict", [](const std::string& input) {
    Reader reader{std::string_view(input)};
    const bool whole = !input.empty() && reader.skip();
    MsgpackFramer framer{FrameBounds(Limits{})};
    const FrameStatus found = framer.scan(input);
    RC_ASSERT((found == FrameStatus::frame) == whole);
    if (whole) RC_ASSERT(framer.frame_bytes() == reader.position());
    RC_ASSERT(frames(MsgpackFramer{FrameBounds(Limits{})}, input, 1) ==
              frames(MsgpackFramer{FrameBounds(Limits{})}, input, input.size() + 1));
  }));
}

TEST_CASE("line framer: lines end in LF or CR LF", "[wire]") {
  LineFramer framer(10);
  CHECK(framer.scan("") == FrameStatus::need_more);
  CHECK(framer.scan("ab") == FrameStatus::need_more);
  REQUIRE(framer.scan("abc\nx") == FrameStatus::frame);
  CHECK(framer.line() == "abc");
  CHECK(framer.frame_bytes() == 4);
  REQUIRE(framer.scan("x\r\r\n\n") == FrameStatus::frame);
  CHECK(framer.line() == "x\r");
  CHECK(framer.frame_bytes() == 4);
  REQUIRE(framer.scan("\n") == FrameStatus::frame);
  CHECK(framer.line().empty());
  REQUIRE(framer.scan("\r\n") == FrameStatus::frame);
  CHECK(framer.line().empty());
  CHECK(framer.scan("\r") == FrameStatus::need_more);
}

TEST_CASE("line framer: a line over the limit is refused with or without its end", "[wire]") {
  CHECK(LineFramer(4).scan("abcd") == FrameStatus::need_more);
  CHECK(LineFramer(4).scan("abcd\r") == FrameStatus::need_more);
  CHECK(LineFramer(4).scan("abcd\r\n") == FrameStatus::frame);
  LineFramer framer(4);
  REQUIRE(framer.scan("abcde") == FrameStatus::broken);
  CHECK(framer.error().code == Errc::too_large);
  CHECK(framer.scan("a\n") == FrameStatus::broken);
  CHECK(LineFramer(4).scan("abcde\n") == FrameStatus::broken);
}

TEST_CASE("line framer: lines do not depend on how the bytes arrive", "[wire]") {
  CHECK(rc::check("any step gives the same lines", [] {
    const auto input = *rc::gen::container<std::string>(rc::gen::element('a', '\r', '\n'));
    for (std::size_t step = 1; step <= input.size(); ++step) {
      RC_ASSERT(frames(LineFramer(5), input, step) == frames(LineFramer(5), input, input.size()));
    }
  }));
}
