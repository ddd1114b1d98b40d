// SPDX-License-Identifier: MIT

#include "client/src/session/acknowledgements.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include <rapidcheck.h>

#include "shared/base/limits.hpp"
#include "shared/value/any.hpp"
#include "shared/wire/framing.hpp"
#include "shared/wire/msgpack_rpc.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using detail::Acknowledgements;

namespace {

struct Acknowledgement {
  std::uint64_t through = 0;
  std::vector<std::uint64_t> numbers;
};

Acknowledgement decode(const std::string& bytes) {
  std::string scratch;
  const Message message = decode_msgpack_call(bytes, Limits{}, scratch);
  REQUIRE(message.request.method == "session.acknowledge");
  const auto params = *unpack<std::vector<any>>(message.request.params);
  return {*params.at(0).get<std::uint64_t>(), *params.at(1).get<std::vector<std::uint64_t>>()};
}

Acknowledgement write(Acknowledgements& all, std::uint64_t next) {
  std::string out;
  all.write(next, out);
  return decode(out);
}

}  // namespace

TEST_CASE("acknowledgements: a lone caller acknowledges its last reply in front of its next call",
          "[client]") {
  Acknowledgements all;
  CHECK_FALSE(all.due());
  for (std::uint64_t number = 1; number < 4; ++number) {
    all.opened(number);
    CHECK_FALSE(all.due());
    all.finished(number, true);
    REQUIRE(all.due());
    const Acknowledgement sent = write(all, number + 1);
    CHECK(sent.through == number);
    CHECK(sent.numbers.empty());
    CHECK_FALSE(all.due());
  }
}

TEST_CASE(
    "acknowledgements: replies above a call that waits are acknowledged one by one, each once",
    "[client]") {
  Acknowledgements all;
  for (std::uint64_t number = 1; number <= 5; ++number) all.opened(number);
  for (const std::uint64_t number : {1, 3, 5}) all.finished(number, true);
  Acknowledgement sent = write(all, 6);
  CHECK(sent.through == 1);
  CHECK(sent.numbers == std::vector<std::uint64_t>{3, 5});
  all.finished(4, true);
  sent = write(all, 6);
  CHECK(sent.numbers == std::vector<std::uint64_t>{4});
  all.finished(2, true);
  sent = write(all, 6);
  CHECK(sent.through == 5);
  CHECK(sent.numbers.empty());
}

TEST_CASE("acknowledgements: replies that the server does not keep send no message", "[client]") {
  Acknowledgements all;
  all.opened(1);
  all.finished(1, false);
  CHECK_FALSE(all.due());
  CHECK(all.through() == 1);
  all.finished(1, true);  // the second time has no effect
  CHECK_FALSE(all.due());
}

TEST_CASE("acknowledgements: a broken connection makes those due again that may not have arrived",
          "[client]") {
  Acknowledgements all;
  for (std::uint64_t number = 1; number <= 4; ++number) all.opened(number);
  all.finished(2, true);
  CHECK(write(all, 5).numbers == std::vector<std::uint64_t>{2});
  all.opened(5);
  all.finished(3, true);
  CHECK(write(all, 6).numbers == std::vector<std::uint64_t>{3});
  all.answered(5);  // this call was sent between the two acknowledgements
  all.lost();
  REQUIRE(all.due());
  CHECK(write(all, 0).numbers == std::vector<std::uint64_t>{3});
}

// Models a server that keeps replies, and a connection that loses the last acknowledgements
// whenever it breaks.
TEST_CASE(
    "acknowledgements: the server never discards a reply too early, and keeps none in the end",
    "[client]") {
  CHECK(rc::check("runs", [](const std::vector<std::uint8_t>& steps) {
    Acknowledgements all;
    std::map<std::uint64_t, bool> open;      // by number: answered on this connection
    std::map<std::uint64_t, bool> kept;      // by number: its caller has the reply
    std::vector<Acknowledgement> in_flight;  // sent, perhaps not arrived
    std::uint64_t last = 0;
    const auto arrive = [&] {
      for (const Acknowledgement& sent : in_flight) {
        std::erase_if(kept, [&](const auto& each) {
          const bool named = std::ranges::find(sent.numbers, each.first) != sent.numbers.end();
          if (!named && each.first > sent.through) return false;
          RC_ASSERT(each.second);
          return true;
        });
      }
      in_flight.clear();
    };
    const auto send = [&] {
      if (all.due()) in_flight.push_back(write(all, last + 1));
    };
    for (const std::uint8_t step : steps) {
      if (step % 4 == 0 || open.empty()) {
        send();
        all.opened(++last);
        open.emplace(last, false);
      } else if (step % 4 == 3) {
        in_flight.clear();
        all.lost();
        if (all.due()) in_flight.push_back(write(all, 0));
      } else {
        const auto each = std::next(open.begin(), step % static_cast<int>(open.size()));
        arrive();  // a reply came, so all earlier messages have arrived
        kept.emplace(each->first, true);
        all.answered(last);
        all.finished(each->first, true);
        open.erase(each);
      }
    }
    for (const auto& [number, answered] : open) all.finished(number, true);
    send();
    arrive();
    RC_ASSERT(kept.empty());
  }));
}
