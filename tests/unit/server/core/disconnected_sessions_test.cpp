// SPDX-License-Identifier: MIT

// Opened sessions without a connection are bounded, in all and for each identity.

#include <map>
#include <string>
#include <utility>

#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// A machine with small bounds whose clients open sessions and leave.
class Leaving : public MachineCalls {
 public:
  Leaving(std::size_t most, std::size_t identity_most) : MachineCalls(input(most, identity_most)) {}

  /// Opens a session and closes its connection. @return the session's id and token
  std::pair<std::string, std::string> leave(std::uint64_t link, const std::string& identity) {
    open(link, identity);
    auto opened = over(link, 0, "session.open", 3600).as<std::map<std::string, agora::any>>();
    end(link);
    return {*opened["session"].get<std::string>(), *opened["token"].get<std::string>()};
  }
  bool lives(std::uint64_t link) { return machine().sessions().find(SessionId{link}) != nullptr; }

 private:
  static MachineInput input(std::size_t most, std::size_t identity_most) {
    MachineInput made;
    made.limits.disconnected_max = most;
    made.limits.disconnected_identity_max = identity_most;
    return made;
  }
};

TEST_CASE("disconnected sessions: the longest cut off of an identity ends beyond its bound",
          "[core]") {
  Leaving calls{100, 3};
  calls.leave(10, "b");
  for (std::uint64_t link = 20; link < 25; ++link) calls.leave(link, "a");
  CHECK(calls.lives(10));
  CHECK_FALSE(calls.lives(20));
  CHECK_FALSE(calls.lives(21));
  CHECK(calls.lives(22));
  CHECK(calls.lives(24));
}

TEST_CASE("disconnected sessions: beyond the bound of all the identity with most gives one up",
          "[core]") {
  Leaving calls{6, 5};
  calls.leave(10, "b");
  for (std::uint64_t link = 20; link < 25; ++link) calls.leave(link, "a");
  calls.leave(30, "c");
  CHECK(calls.lives(10));
  CHECK(calls.lives(30));
  CHECK_FALSE(calls.lives(20));
  CHECK(calls.lives(21));
}

TEST_CASE("disconnected sessions: a session that resumes or ends does not count", "[core]") {
  Leaving calls{100, 2};
  const auto [session, token] = calls.leave(20, "a");
  calls.leave(21, "a");
  calls.open(30, "a");
  CHECK(calls.over(30, 0, "session.resume", session, token).error.empty());
  calls.leave(22, "a");
  CHECK(calls.lives(20));
  CHECK(calls.lives(21));
  calls.end(30);  // it is the last one to be cut off now
  CHECK(calls.lives(20));
  CHECK_FALSE(calls.lives(21));
  CHECK(calls.lives(22));
  calls.advance(4000);  // beyond the ttl: the server gives the clients another second
  calls.advance(1.2);
  CHECK_FALSE(calls.lives(20));
  calls.leave(23, "a");
  calls.leave(24, "a");
  CHECK(calls.lives(23));
  CHECK(calls.lives(24));
}

TEST_CASE("disconnected sessions: what the ended one held is given back, and its client is told",
          "[core]") {
  Leaving calls{100, 1};
  calls("object.create", "lock", "k");
  calls.open(20, "a");
  auto opened = calls.over(20, 0, "session.open", 3600).as<std::map<std::string, agora::any>>();
  CHECK(calls.over(20, 1, "lock.acquire", "k").error.empty());
  calls.end(20);
  CHECK(calls("lock.locked", "k").as<bool>());
  calls.leave(21, "a");
  CHECK_FALSE(calls("lock.locked", "k").as<bool>());
  calls.open(30, "a");
  CHECK(calls
            .over(30, 0, "session.resume", *opened["session"].get<std::string>(),
                  *opened["token"].get<std::string>())
            .error == "SessionLost");
}

}  // namespace
}  // namespace agora::test
