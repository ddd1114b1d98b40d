// The small pure parts of resuming: how long between attempts, and how long a session is certain.

#include "client/src/backoff.hpp"
#include "client/src/lease.hpp"
#include "client/src/notices.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using namespace std::chrono_literals;
using client::Backoff;
using client::Clock;
using client::Lease;
using client::Notice;
using client::Notices;

TEST_CASE("attempts come less and less often, at most every two seconds", "[client]") {
  for (const double chance : {0.0, 0.5, 0.999}) {
    Backoff backoff;
    Backoff::Span longest = Backoff::kFirst;
    for (int attempt = 0; attempt < 30; ++attempt) {
      const Backoff::Span span = backoff.next(chance);
      CHECK(span >= longest / 2);
      CHECK(span < longest);
      longest = std::min(longest * 2, Backoff::kLongest);
    }
    CHECK(backoff.next(chance) >= Backoff::kLongest / 2);
  }
}

TEST_CASE("chance spreads the attempts of many clients", "[client]") {
  Backoff early;
  Backoff late;
  CHECK(early.next(0.1) < late.next(0.9));
}

TEST_CASE("a session is certain for its ttl after what was answered had been sent", "[client]") {
  const Clock::time_point start{};
  Lease lease(10s, start);
  CHECK(lease.certain(start + 9s));
  CHECK_FALSE(lease.certain(start + 10s));
  lease.answered(start + 5s);
  CHECK(lease.certain(start + 14s));
  lease.answered(start + 1s);  // a late reply to an early call says nothing new
  CHECK(lease.certain(start + 14s));
  CHECK_FALSE(lease.certain(start + 15s));
}

TEST_CASE("a notice is for those who listen to its object, each version once", "[client]") {
  Notices notices;
  std::vector<std::string> heard;
  const auto first = notices.add("d", [&](const Notice&) { heard.push_back("first"); });
  notices.add("d", [&](const Notice&) { heard.push_back("second"); });
  notices.add("e", [&](const Notice&) { heard.push_back("other"); });
  const auto tell = [&](const Notice& notice) {
    for (const auto& callback : notices.due(notice)) (*callback)(notice);
    return std::exchange(heard, {});
  };
  const Notice two{{"kind", "watch"}, {"object", reference{"d"}}, {"version", 2}};
  CHECK(tell(two) == std::vector<std::string>{"first", "second"});
  CHECK(tell(two).empty());
  const Notice plain{{"kind", "topic"}, {"object", "d"}};
  CHECK(tell(plain).size() == 2);
  CHECK(tell(plain).size() == 2);
  notices.remove(first);
  const Notice three{{"kind", "watch"}, {"object", "d"}, {"version", 3}};
  CHECK(tell(three) == std::vector<std::string>{"second"});
  CHECK(tell({{"kind", "gap"}}).empty());
}
