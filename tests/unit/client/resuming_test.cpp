// SPDX-License-Identifier: MIT

// The pure parts of resuming a session: back-off, lease, clock, and the listeners of notices.

#include "client/src/client/notices.hpp"
#include "client/src/session/backoff.hpp"
#include "client/src/session/lease.hpp"
#include "tests/support/catch.hpp"

using namespace agora;
using namespace std::chrono_literals;
using detail::Backoff;
using detail::Lease;
using detail::LifeClock;
using detail::Notice;
using detail::Notices;

TEST_CASE("backoff: doubles up to two seconds", "[client]") {
  for (const double random : {0.0, 0.5, 0.999}) {
    Backoff backoff;
    Backoff::Span longest = Backoff::kFirst;
    for (int attempt = 0; attempt < 30; ++attempt) {
      const Backoff::Span span = backoff.next(random);
      CHECK(span >= longest / 2);
      CHECK(span < longest);
      longest = std::min(longest * 2, Backoff::kLongest);
    }
    CHECK(backoff.next(random) >= Backoff::kLongest / 2);
  }
}

TEST_CASE("backoff: jitter spreads the attempts of many clients", "[client]") {
  Backoff early;
  Backoff late;
  CHECK(early.next(0.1) < late.next(0.9));
}

TEST_CASE("lease: lasts for the ttl after the last call that was answered had been sent",
          "[client]") {
  const LifeClock::time_point start{};
  Lease lease(10s, start);
  CHECK(lease.certain(start + 9s));
  CHECK_FALSE(lease.certain(start + 10s));
  lease.answered(start + 5s);
  CHECK(lease.certain(start + 14s));
  lease.answered(start + 1s);  // a late reply to an early call does not extend it
  CHECK(lease.certain(start + 14s));
  CHECK_FALSE(lease.certain(start + 15s));
}

TEST_CASE("notices: a listener gets the notices of its object, each version once", "[client]") {
  Notices notices;
  std::vector<std::string> delivered;
  const auto listen = [&](const char* object, const char* kind, const char* name) {
    const auto number = notices.add(
        object, {kind, std::make_shared<detail::NoticeCallback>(
                           [&delivered, name](const Notice&) { delivered.push_back(name); })});
    notices.bind(number, 1);
    return number;
  };
  const auto first = listen("d", "watch", "first");
  const auto second = listen("d", "watch", "second");
  const auto third = listen("d", "topic", "third");
  listen("e", "watch", "other");
  const auto deliver = [&](const Notice& notice) {
    for (const auto& due : notices.due(notice)) (*due.callback)(notice);
    return std::exchange(delivered, {});
  };
  const Notice two{{"kind", "watch"}, {"object", reference{"d"}}, {"version", 2}};
  CHECK(deliver(two) == std::vector<std::string>{"first", "second"});
  CHECK(deliver(two).empty());
  const Notice published{{"kind", "topic"}, {"object", "d"}, {"version", 2}};
  CHECK(deliver(published) == std::vector<std::string>{"third"});
  CHECK_FALSE(notices.remove(first));
  const Notice three{{"kind", "watch"}, {"object", "d"}, {"version", 3}};
  CHECK(deliver(three) == std::vector<std::string>{"second"});
  const Notice gap{{"kind", "gap"}, {"object", "d"}, {"version", 3}};
  CHECK(deliver(gap) == std::vector<std::string>{"second", "third"});
  const auto last = notices.remove(second);
  CHECK((last && last->object == "d" && last->session == 1));
  CHECK(notices.remove(third));
  CHECK(deliver({{"kind", "gap"}}).empty());
}

TEST_CASE("notices: a listener of a lost session gets one lost notice", "[client]") {
  Notices notices;
  std::vector<std::string> delivered;
  const auto listener = [&](const char* name) {
    return Notices::Listener{"watch",
                             std::make_shared<detail::NoticeCallback>(
                                 [&delivered, name](const Notice&) { delivered.push_back(name); })};
  };
  const auto deliver = [&](const std::vector<Notices::Due>& all) {
    for (const auto& due : all) {
      CHECK(due.notice.at("kind") == any("lost"));
      (*due.callback)(due.notice);
    }
    return std::exchange(delivered, {});
  };
  CHECK(notices.bind(notices.add("d", listener("early")), 1).empty());
  const auto unbound = notices.add("d", listener("unbound"));
  CHECK(notices.bind(notices.add("d", listener("later")), 2).empty());
  CHECK(deliver(notices.lose(1)) == std::vector<std::string>{"early"});
  CHECK(deliver(notices.lose(1)).empty());
  // The reply that binds this listener comes after the end of its session.
  CHECK(deliver(notices.bind(unbound, 1)) == std::vector<std::string>{"unbound"});
  CHECK(deliver(notices.lose(2)) == std::vector<std::string>{"later"});
  CHECK(notices.empty());
}

TEST_CASE("life clock: counts the time while the machine is suspended", "[client]") {
  timespec before{};
  timespec after{};
  clock_gettime(CLOCK_BOOTTIME, &before);
  const auto now = LifeClock::now().time_since_epoch();
  clock_gettime(CLOCK_BOOTTIME, &after);
  const auto span = [](const timespec& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  };
  CHECK(span(before) <= now);
  CHECK(now <= span(after));
}
