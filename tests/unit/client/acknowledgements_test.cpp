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

struct Said {
  std::uint64_t through = 0;
  std::vector<std::uint64_t> numbers;
};

Said read_said(const std::string& bytes) {
  std::string scratch;
  const Message message = decode_msgpack_call(bytes, Limits{}, scratch);
  REQUIRE(message.request.method == "session.acknowledge");
  const auto params = *unpack<std::vector<any>>(message.request.params);
  return {*params.at(0).get<std::uint64_t>(), *params.at(1).get<std::vector<std::uint64_t>>()};
}

Said say(Acknowledgements& all, std::uint64_t next) {
  std::string out;
  all.write(next, out);
  return read_said(out);
}

}  // namespace

TEST_CASE("a lone caller acknowledges its last reply in front of its next call", "[client]") {
  Acknowledgements all;
  CHECK_FALSE(all.due());
  for (std::uint64_t number = 1; number < 4; ++number) {
    all.opened(number);
    CHECK_FALSE(all.due());
    all.finished(number, true);
    REQUIRE(all.due());
    const Said said = say(all, number + 1);
    CHECK(said.through == number);
    CHECK(said.numbers.empty());
    CHECK_FALSE(all.due());
  }
}

TEST_CASE("what is answered above a call that waits is named one by one, once", "[client]") {
  Acknowledgements all;
  for (std::uint64_t number = 1; number <= 5; ++number) all.opened(number);
  for (const std::uint64_t number : {1, 3, 5}) all.finished(number, true);
  Said said = say(all, 6);
  CHECK(said.through == 1);
  CHECK(said.numbers == std::vector<std::uint64_t>{3, 5});
  all.finished(4, true);
  said = say(all, 6);
  CHECK(said.numbers == std::vector<std::uint64_t>{4});
  all.finished(2, true);
  said = say(all, 6);
  CHECK(said.through == 5);
  CHECK(said.numbers.empty());
}

TEST_CASE("replies that the server does not keep are not worth a message", "[client]") {
  Acknowledgements all;
  all.opened(1);
  all.finished(1, false);
  CHECK_FALSE(all.due());
  CHECK(all.through() == 1);
  all.finished(1, true);  // twice the same changes nothing
  CHECK_FALSE(all.due());
}

TEST_CASE("what a broken connection may have lost is said again, what arrived is not", "[client]") {
  Acknowledgements all;
  for (std::uint64_t number = 1; number <= 4; ++number) all.opened(number);
  all.finished(2, true);
  CHECK(say(all, 5).numbers == std::vector<std::uint64_t>{2});
  all.opened(5);
  all.finished(3, true);
  CHECK(say(all, 6).numbers == std::vector<std::uint64_t>{3});
  all.answered(5);  // was sent behind the first acknowledgement, in front of the second
  all.lost();
  REQUIRE(all.due());
  CHECK(say(all, 0).numbers == std::vector<std::uint64_t>{3});
}

// A server that keeps replies, a connection that loses the last acknowledgements with any cut.
TEST_CASE("the server never forgets a reply too early, and in the end keeps none", "[client]") {
  CHECK(rc::check("runs", [](const std::vector<std::uint8_t>& steps) {
    Acknowledgements all;
    std::map<std::uint64_t, bool> open;  // number: answered on this connection
    std::map<std::uint64_t, bool> kept;  // number: its caller has the reply
    std::vector<Said> under_way;         // sent, perhaps not arrived
    std::uint64_t last = 0;
    const auto arrive = [&] {
      for (const Said& said : under_way) {
        std::erase_if(kept, [&](const auto& each) {
          const bool named = std::ranges::find(said.numbers, each.first) != said.numbers.end();
          if (!named && each.first > said.through) return false;
          RC_ASSERT(each.second);
          return true;
        });
      }
      under_way.clear();
    };
    const auto send = [&] {
      if (all.due()) under_way.push_back(say(all, last + 1));
    };
    for (const std::uint8_t step : steps) {
      if (step % 4 == 0 || open.empty()) {
        send();
        all.opened(++last);
        open.emplace(last, false);
      } else if (step % 4 == 3) {
        under_way.clear();
        all.lost();
        if (all.due()) under_way.push_back(say(all, 0));
      } else {
        const auto each = std::next(open.begin(), step % static_cast<int>(open.size()));
        arrive();  // a reply came, so what was sent before has arrived
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
