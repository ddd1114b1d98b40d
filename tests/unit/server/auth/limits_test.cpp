// SPDX-License-Identifier: MIT

#include <string>

#include "server/auth/client_address.hpp"
#include "server/auth/failure_rate.hpp"
#include "server/auth/pending_logins.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

using std::chrono::seconds;

Instant at(int s) { return Instant{seconds{s}}; }

TEST_CASE("client addresses: IPv6 counts by its 64 bits, mapped IPv4 as IPv4", "[auth]") {
  CHECK(address_of("10.0.0.7:5000") == "10.0.0.7");
  CHECK(address_of("[2001:db8:1:2:3:4:5:6]:5000") == "2001:db8:1:2::/64");
  CHECK(address_of("[2001:db8:1:2:ffff::1]:1") == "2001:db8:1:2::/64");
  CHECK(address_of("[fe80::1%eth0]:1") == "fe80::/64");
  CHECK(address_of("[::ffff:10.0.0.7]:5000") == "10.0.0.7");
  CHECK(address_of("host") == "host");
  CHECK(is_loopback("127.1.2.3:5"));
  CHECK(is_loopback("[::1]:5"));
  CHECK(is_loopback("[::ffff:127.0.0.1]:5"));
  CHECK_FALSE(is_loopback("10.0.0.7:5"));
  CHECK_FALSE(is_loopback("[2001:db8::1]:5"));
  CHECK_FALSE(is_loopback(""));
}

TEST_CASE("failure rate: ten failures within a minute slow one address down", "[auth]") {
  FailureRate rate;
  for (int i = 0; i < 9; ++i) rate.note("a", at(i));
  CHECK_FALSE(rate.is_over("a", at(9)));
  rate.note("a", at(9));
  CHECK(rate.is_over("a", at(10)));
  CHECK_FALSE(rate.is_over("b", at(10)));
  CHECK(rate.is_over("a", at(59)));
  CHECK_FALSE(rate.is_over("a", at(60)));  // the first of the ten is a minute old
  rate.note("a", at(60));
  CHECK(rate.is_over("a", at(60)));
}

TEST_CASE("failure rate: remembers a bounded number of addresses", "[auth]") {
  FailureRate rate;
  for (int i = 0; i < 10; ++i) rate.note("first", at(0));
  for (std::size_t i = 0; i < FailureRate::kAddressesMax - 1; ++i) {
    rate.note(std::to_string(i), at(1));
  }
  CHECK(rate.is_over("first", at(1)));
  rate.note("one more", at(1));
  CHECK_FALSE(rate.is_over("first", at(1)));
}

TEST_CASE("pending logins: the oldest of an address, or of all, gives way", "[auth]") {
  PendingLogins pending{{.all = 3, .of_address = 2, .time = seconds{60}}};
  CHECK_FALSE(pending.add(LinkId{1}, "a", at(0)));
  CHECK_FALSE(pending.add(LinkId{2}, "a", at(1)));
  CHECK(pending.add(LinkId{3}, "a", at(2)) == LinkId{1});
  CHECK_FALSE(pending.add(LinkId{4}, "b", at(3)));
  CHECK(pending.add(LinkId{5}, "c", at(4)) == LinkId{2});
  pending.remove(LinkId{3});
  CHECK_FALSE(pending.add(LinkId{6}, "a", at(5)));
  CHECK(pending.size() == 3);
}

TEST_CASE("pending logins: time is over after a minute, except for those that logged in",
          "[auth]") {
  PendingLogins pending{{.all = 9, .of_address = 9, .time = seconds{60}}};
  CHECK_FALSE(pending.next_deadline());
  pending.add(LinkId{1}, "a", at(0));
  pending.add(LinkId{2}, "a", at(1));
  pending.remove(LinkId{1});
  pending.remove(LinkId{7});
  CHECK(pending.next_deadline() == at(61));
  CHECK_FALSE(pending.expired(at(60)));
  CHECK(pending.expired(at(61)) == LinkId{2});
  CHECK_FALSE(pending.expired(at(99)));
}

}  // namespace
}  // namespace agora
