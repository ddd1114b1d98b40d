#include "client/src/client.hpp"

#include <chrono>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <agora/manager.hpp>

#include "client/src/fork_guard.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

using namespace agora;
using namespace std::chrono_literals;
using test::Answer;
using test::FakeServer;
using test::Heard;
using test::reply_bytes;

namespace {

/// Grants locks, makes objects, says pong; closes after a call to "close".
Answer obliging(const Heard& heard) {
  if (heard.notification) return {};
  if (heard.method == "ping") return {reply_bytes(heard.id, "pong"), false};
  if (heard.method == "close") return {reply_bytes(heard.id, nullptr), true};
  if (heard.method == "lock.acquire") {
    return {reply_bytes(heard.id, std::map<std::string, any>{{"token", 41}, {"owner_died", true}}),
            false};
  }
  if (heard.method == "object.create") {
    const auto params = *unpack<std::vector<any>>(PackedView(heard.params));
    const std::string name = params.at(1).is_null() ? "#1" : *params.at(1).get<std::string>();
    return {reply_bytes(heard.id, reference{name}), false};
  }
  return {reply_bytes(heard.id, nullptr), false};
}

/// Ends the connection, and waits until this side has seen it.
void cut(const manager& m, const mutex& held) {
  m.call("close");
  while (held.held()) std::this_thread::yield();
}

std::size_t times(FakeServer& server, const std::string& method) {
  std::size_t count = 0;
  for (const Heard& heard : server.heard()) count += heard.method == method ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a lost connection is made anew by the next call", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  CHECK(m.ping());
  m.call("close");
  // The first call may still go out before the end is seen; what was sent is not sent again.
  try {
    m.ping();
  } catch (const unavailable& caught) {
    CHECK(caught.done() != Done::yes);
  }
  CHECK(m.ping());
  CHECK(server.connections() == 2);
}

TEST_CASE("a lock is lost with its connection, and those who asked are told once", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  const mutex other = m.lock("b");
  int told = 0;
  int told_other = 0;
  lock.on_lost([&] { ++told; });
  other.on_lost([&] { ++told_other; });
  lock.lock();
  CHECK(lock.held());
  CHECK(lock.token() == 41);
  CHECK(lock.owner_died());
  cut(m, lock);
  CHECK(told == 1);
  CHECK(told_other == 0);
  CHECK_FALSE(lock.held());
  CHECK(lock.token() == 41);
  lock.unlock();
  CHECK(times(server, "lock.release") == 0);
  CHECK_THROWS_AS(lock.token(), not_locked);

  lock.lock();
  CHECK(lock.held());
  CHECK(server.connections() == 2);
  lock.release();
  CHECK(times(server, "lock.release") == 1);
  CHECK(told == 1);
}

TEST_CASE("releasing a lost lock says so and sends nothing", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  lock.lock();
  cut(m, lock);
  CHECK_THROWS_AS(lock.release(), session_lost);
  CHECK(times(server, "lock.release") == 0);
}

TEST_CASE("a grant belongs to its thread", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  lock.lock();
  std::thread([&] {
    CHECK_FALSE(lock.held());
    CHECK_THROWS_AS(lock.owner_died(), not_locked);
  }).join();
  CHECK(lock.held());
}

TEST_CASE("an anonymous object is released with the last copy, a named one never", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  {
    const auto named = m.list<int>("l");
    auto anonymous = m.list<int>();
    auto copy = anonymous;
    anonymous = copy;
  }
  CHECK(m.ping());
  CHECK(times(server, "object.release") == 1);
  CHECK(times(server, "object.hold") == 0);
}

TEST_CASE("an anonymous object is held again on a new connection, once", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const auto anonymous = m.list<int>();
  const mutex lock = m.lock("a");
  lock.lock();
  cut(m, lock);
  anonymous.push_back(1);
  anonymous.push_back(2);
  CHECK(times(server, "object.hold") == 1);
  CHECK(server.connections() == 2);
  const auto again = m.list<int>(reference{"#1"});
  CHECK(times(server, "object.hold") == 2);
}

TEST_CASE("a forked child has a connection of its own and lets go of its parent's", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  lock.lock();
  const std::uint64_t epoch = client::process_epoch();
  const pid_t child = fork();
  if (child == 0) {
    const bool fresh = client::process_epoch() != epoch && !lock.held() && m.ping();
    _exit(fresh ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(server.connections() == 2);
  CHECK(lock.held());
  CHECK(m.ping());
  CHECK(client::process_epoch() == epoch);
}

TEST_CASE("calls that do not wait end by the manager's own time-out", "[client]") {
  FakeServer server([](const Heard& heard) -> Answer {
    if (heard.method == "object.create") return obliging(heard);
    return {};
  });
  const manager m(server.address(), {.call_timeout = 5ms});
  const auto d = m.dict<int, int>("d");
  CHECK_THROWS_AS(d.at(1), timeout_error);
  try {
    d.assign(1, 2);
    FAIL("no answer, yet no error");
  } catch (const timeout_error& caught) {
    CHECK(caught.done() == Done::unknown);
  }
  const auto q = m.queue<int>("q");
  CHECK_THROWS_AS(q.pop_for(1ms), timeout_error);
}

TEST_CASE("what is stored and no V is a type_error that says where", "[client]") {
  FakeServer server([](const Heard& heard) -> Answer {
    if (heard.method == "dict.get") return {reply_bytes(heard.id, "text"), false};
    return obliging(heard);
  });
  const manager m(server.address());
  const auto d = m.dict<std::string, int>("d");
  CHECK_THROWS_WITH(d.at("k"), "dict d: key text \"k\": expected int, found text \"text\"");
  try {
    d.at("k");
  } catch (const type_error& caught) {
    CHECK(caught.detail("object") == any("d"));
  }
}
