// The small pure parts of resuming: how long between attempts, and how long a session is certain.

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
  const LifeClock::time_point start{};
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
  const auto listen = [&](const char* object, const char* kind, const char* name) {
    const auto number =
        notices.add(object, {kind, std::make_shared<detail::NoticeCallback>(
                                       [&heard, name](const Notice&) { heard.push_back(name); })});
    notices.bind(number, 1);
    return number;
  };
  const auto first = listen("d", "watch", "first");
  const auto second = listen("d", "watch", "second");
  const auto third = listen("d", "topic", "third");
  listen("e", "watch", "other");
  const auto tell = [&](const Notice& notice) {
    for (const auto& due : notices.due(notice)) (*due.callback)(notice);
    return std::exchange(heard, {});
  };
  const Notice two{{"kind", "watch"}, {"object", reference{"d"}}, {"version", 2}};
  CHECK(tell(two) == std::vector<std::string>{"first", "second"});
  CHECK(tell(two).empty());
  const Notice published{{"kind", "topic"}, {"object", "d"}, {"version", 2}};
  CHECK(tell(published) == std::vector<std::string>{"third"});
  CHECK_FALSE(notices.remove(first));
  const Notice three{{"kind", "watch"}, {"object", "d"}, {"version", 3}};
  CHECK(tell(three) == std::vector<std::string>{"second"});
  const Notice gap{{"kind", "gap"}, {"object", "d"}, {"version", 3}};
  CHECK(tell(gap) == std::vector<std::string>{"second", "third"});
  const auto last = notices.remove(second);
  CHECK((last && last->object == "d" && last->session == 1));
  CHECK(notices.remove(third));
  CHECK(tell({{"kind", "gap"}}).empty());
}

TEST_CASE("who listens in a lost session is told so, once", "[client]") {
  Notices notices;
  std::vector<std::string> heard;
  const auto listener = [&](const char* name) {
    return Notices::Listener{"watch",
                             std::make_shared<detail::NoticeCallback>(
                                 [&heard, name](const Notice&) { heard.push_back(name); })};
  };
  const auto told = [&](const std::vector<Notices::Due>& all) {
    for (const auto& due : all) {
      CHECK(due.notice.at("kind") == any("lost"));
      (*due.callback)(due.notice);
    }
    return std::exchange(heard, {});
  };
  CHECK(notices.bind(notices.add("d", listener("early")), 1).empty());
  const auto unbound = notices.add("d", listener("unbound"));
  CHECK(notices.bind(notices.add("d", listener("later")), 2).empty());
  CHECK(told(notices.lose(1)) == std::vector<std::string>{"early"});
  CHECK(told(notices.lose(1)).empty());
  // The reply that says in which session it began comes after that session's end.
  CHECK(told(notices.bind(unbound, 1)) == std::vector<std::string>{"unbound"});
  CHECK(told(notices.lose(2)) == std::vector<std::string>{"later"});
  CHECK(notices.empty());
}

TEST_CASE("a session's clock counts the time of a suspended machine", "[client]") {
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
