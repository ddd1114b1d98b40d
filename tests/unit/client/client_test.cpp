// SPDX-License-Identifier: MIT

#include "client/src/client/client.hpp"

#include <atomic>
#include <chrono>
#include <future>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <agora/agora.hpp>

#include "client/src/transport/fork_guard.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

using namespace agora;
using namespace std::chrono_literals;
using test::FakeReply;
using test::FakeServer;
using test::Received;
using test::reply_bytes;

namespace {

/// Grants every lock, creates every object, replies to ping.
FakeReply obliging(const Received& request) {
  if (request.notification) return {};
  if (request.method == "ping") return {reply_bytes(request.id, "pong"), false};
  if (request.method == "lock.acquire") {
    return {
        reply_bytes(request.id, std::map<std::string, any>{{"token", 41}, {"owner_died", true}}),
        false};
  }
  if (request.method == "object.create") {
    const auto params = *unpack<std::vector<any>>(PackedView(request.params));
    const std::string name = params.at(1).is_null() ? "#1" : *params.at(1).get<std::string>();
    return {reply_bytes(request.id, reference{name}), false};
  }
  return {reply_bytes(request.id, nullptr), false};
}

/// Makes the server end the session, and waits until the client has noticed.
void lose(FakeServer& server, const mutex& held) {
  std::promise<void> known;
  held.on_lost([&] { known.set_value(); });
  server.refuse_resume(Errc::session_lost);
  server.cut();
  known.get_future().wait();
}

std::size_t times(FakeServer& server, const std::string& method) {
  std::size_t count = 0;
  for (const Received& request : server.received()) count += request.method == method ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("client: a broken connection is replaced, and the call is sent again with its number",
          "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  CHECK(m.ping());
  server.cut();
  CHECK(m.ping());
  server.wait_received("session.resume", 1);
  CHECK(times(server, "session.open") == 1);
}

TEST_CASE("client: a lock outlives a broken connection", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  lock.on_lost([] { FAIL("nothing is lost"); });
  lock.lock();
  server.cut();
  server.wait_received("session.resume", 1);
  CHECK(m.ping());
  CHECK(lock.held());
  lock.release();
  CHECK(times(server, "lock.release") == 1);
}

TEST_CASE("client: a lock is lost with its session, and each on_lost callback runs once",
          "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  const mutex other = m.lock("b");
  std::atomic<int> losses{0};
  std::atomic<int> losses_of_other{0};
  lock.on_lost([&] { ++losses; });
  other.on_lost([&] { ++losses_of_other; });
  lock.lock();
  CHECK(lock.held());
  CHECK(lock.token() == 41);
  CHECK(lock.owner_died());
  lose(server, lock);
  CHECK(losses == 1);
  CHECK(losses_of_other == 0);
  CHECK_FALSE(lock.held());
  CHECK(lock.token() == 41);
  lock.unlock();
  CHECK(times(server, "lock.release") == 0);
  CHECK_THROWS_AS(lock.token(), not_locked);

  lock.lock();
  CHECK(lock.held());
  CHECK(times(server, "session.open") == 2);
  lock.release();
  CHECK(times(server, "lock.release") == 1);
  CHECK(losses == 1);
}

TEST_CASE("client: releasing a lost lock throws session_lost and sends nothing", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  lock.lock();
  lose(server, lock);
  CHECK_THROWS_AS(lock.release(), session_lost);
  CHECK(times(server, "lock.release") == 0);
}

TEST_CASE("client: an asynchronous grant is an owner of its own and releases itself", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  {
    lock_grant first = lock.async_lock(asio::use_future).get();
    const lock_grant second = lock.async_lock(asio::use_future).get();
    CHECK(first);
    CHECK(first.held());
    CHECK(first.token() == 41);
    CHECK_FALSE(lock.held());
    first.release();
    CHECK_FALSE(first);
    CHECK_THROWS_AS(first.token(), not_locked);
    CHECK(times(server, "lock.release") == 1);
  }
  server.wait_received("lock.release", 2);
  std::vector<std::string> owners;
  for (const Received& request : server.received()) {
    if (request.method != "lock.release") continue;
    owners.push_back(
        *unpack<std::vector<any>>(PackedView(request.params))->at(1).get<std::string>());
  }
  CHECK(owners.at(0) != owners.at(1));
}

TEST_CASE("client: a grant belongs to its thread", "[client]") {
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

TEST_CASE("client: an anonymous object is released with the last copy, a named one never",
          "[client]") {
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

TEST_CASE("client: an anonymous object is held again in a new session, once", "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const auto anonymous = m.list<int>();
  const mutex lock = m.lock("a");
  lock.lock();
  lose(server, lock);
  anonymous.push_back(1);
  anonymous.push_back(2);
  CHECK(times(server, "object.hold") == 1);
  const auto again = m.list<int>(reference{"#1"});
  CHECK(times(server, "object.hold") == 2);
}

TEST_CASE("client: an object in a reply is held until the last reference to it is dropped",
          "[client]") {
  FakeServer server([](const Received& request) -> FakeReply {
    if (request.method != "dict.get" && request.method != "list.copy") return obliging(request);
    return {reply_bytes(request.id, std::vector<any>{reference{"#5"}, reference{"#5"}, "#6"}),
            false};
  });
  const manager m(server.address());
  const auto d = m.dict<std::string, any>("d");
  {
    any value = d.at("k");
    auto references = *std::as_const(value).get<std::vector<any>>();
    value = any();
    auto list = m.list<any>(*references.at(1).get<reference>());
    references.clear();
    m.ping();
    CHECK(times(server, "object.release") == 0);
    CHECK(times(server, "object.hold") == 0);
    list.push_back(1);
  }
  server.wait_received("object.release", 2);
  m.list<any>("l").copy();
  server.wait_received("object.release", 4);
  CHECK(times(server, "object.hold") == 0);
}

TEST_CASE("client: a forked child opens its own connection and leaves its parent's alone",
          "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  const mutex lock = m.lock("a");
  lock.lock();
  const std::uint64_t epoch = detail::process_epoch();
  const pid_t child = fork();
  if (child == 0) {
    const bool fresh = detail::process_epoch() != epoch && !lock.held() && m.ping();
    _exit(fresh ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(server.connections() == 2);
  CHECK(lock.held());
  CHECK(m.ping());
  CHECK(detail::process_epoch() == epoch);
}

TEST_CASE("client: calls that do not wait end at the deadline of the manager", "[client]") {
  FakeServer server([](const Received& request) -> FakeReply {
    if (request.method == "object.create") return obliging(request);
    return {};
  });
  const manager m(server.address(), {.deadline = 5ms});
  const auto d = m.dict<int, int>("d");
  CHECK_THROWS_AS(d.at(1), timeout_error);
  try {
    d.assign(1, 2);
    FAIL("no reply, yet no error");
  } catch (const timeout_error& caught) {
    CHECK(caught.done() == Done::unknown);
  }
  const auto q = m.queue<int>("q");
  CHECK_THROWS_AS(q.pop_for(1ms), timeout_error);
}

TEST_CASE("client: a stored value of another type is a type_error that names the key", "[client]") {
  FakeServer server([](const Received& request) -> FakeReply {
    if (request.method == "dict.get") return {reply_bytes(request.id, "text"), false};
    return obliging(request);
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

TEST_CASE("client: a callback may wait for a call over a connection that breaks meanwhile",
          "[client]") {
  FakeServer server(obliging);
  const manager m(server.address());
  std::promise<bool> answered;
  m.async_call<std::string>("ping", [&](std::exception_ptr, const std::string&) {
    server.cut();
    server.wait_received("session.resume", 1);
    answered.set_value(m.ping());
  });
  CHECK(answered.get_future().get());
}

TEST_CASE("client: pending calls end with the manager, once, with session_lost and done unknown",
          "[client]") {
  FakeServer server([](const Received& request) {
    return request.method == "slow" ? FakeReply{} : obliging(request);
  });
  std::future<int> slow;
  std::atomic<int> completed{0};
  std::exception_ptr why;
  {
    const manager m(server.address());
    slow = m.async_call<int>("slow", asio::use_future);
    m.async_call<int>("slow", [&](std::exception_ptr error, int) {
      why = error;
      ++completed;
    });
    server.wait_received("slow", 2);
  }
  REQUIRE(completed == 1);
  CHECK_THROWS_AS(std::rethrow_exception(why), session_lost);
  try {
    slow.get();
    FAIL("no reply, yet no error");
  } catch (const session_lost& caught) {
    CHECK(caught.done() == Done::unknown);
  }
}

TEST_CASE("client: no thread waits for a session to open beyond the deadline of its call",
          "[client]") {
  FakeServer server(obliging);
  const manager m(server.address(), {.deadline = 20ms, .connect_timeout = std::chrono::hours(1)});
  const mutex lock = m.lock("a");
  lock.lock();
  std::promise<void> lost;
  lock.on_lost([&] { lost.set_value(); });
  server.refuse_resume(Errc::session_lost);
  server.cut();
  lost.get_future().wait();
  server.mute();
  std::vector<std::thread> threads;
  std::atomic<int> unavailable_ones{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      try {
        m.ping();
      } catch (const unavailable&) {
        ++unavailable_ones;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(unavailable_ones == 4);
  CHECK_THROWS_AS(m.async_call<int>("slow", asio::use_future).get(), unavailable);
}

TEST_CASE("client: no handler runs inside the function that starts its call", "[client]") {
  auto server = std::make_unique<FakeServer>(obliging);
  const manager m(server->address());
  const auto anonymous = m.list<int>();
  const mutex lock = m.lock("a");
  lock.lock();
  lose(*server, lock);
  server.reset();
  // Catch cannot count checks of two threads at once, so the handlers only pass on their arguments.
  using Seen = std::pair<std::thread::id, std::exception_ptr>;
  std::promise<Seen> first;
  std::promise<Seen> second;
  const auto see = [](std::promise<Seen>& seen) {
    return [&seen](std::exception_ptr error, auto...) {
      seen.set_value({std::this_thread::get_id(), error});
    };
  };
  m.async_call<int>("slow", see(first));
  anonymous.async_push_back(1, see(second));
  for (auto* each : {&first, &second}) {
    const auto [thread, error] = each->get_future().get();
    CHECK(thread != std::this_thread::get_id());
    CHECK_THROWS_AS(std::rethrow_exception(error), unavailable);
  }
}

TEST_CASE("client: an anonymous object that could not be held is held by the next call",
          "[client]") {
  std::atomic<bool> refuse{true};
  FakeServer server([&](const Received& request) {
    if (request.method != "object.hold" || !refuse.exchange(false)) return obliging(request);
    return FakeReply{test::error_bytes(request.id, {Errc::overloaded, "not now", Done::no, {}}),
                     false};
  });
  const manager m(server.address());
  const auto anonymous = m.list<int>();
  const mutex lock = m.lock("a");
  lock.lock();
  lose(server, lock);
  CHECK_THROWS_AS(anonymous.push_back(1), overloaded);
  anonymous.push_back(1);
  CHECK(times(server, "object.hold") == 2);
}

TEST_CASE("client: the last manager may end in a callback", "[client]") {
  FakeServer server(obliging);
  auto m = std::make_optional<manager>(server.address());
  std::promise<void> ended;
  {
    const mutex lock = m->lock("a");
    lock.on_lost([&] {
      m.reset();
      ended.set_value();
    });
    lock.lock();
  }
  server.refuse_resume(Errc::session_lost);
  server.cut();
  ended.get_future().wait();
}
