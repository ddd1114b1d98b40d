// SPDX-License-Identifier: MIT

// Calls whose callers give up: the messages to the server, and the handling of a late reply.

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "tests/unit/client/opened_session.hpp"

using namespace agora;
using namespace std::chrono_literals;
using detail::Call;
using detail::CallEffect;
using detail::Deadline;
using detail::deadline_in;
using detail::OwnedCall;
using detail::Session;
using test::asynchronous;
using test::call;
using test::calls_of;
using test::echo;
using test::FakeReply;
using test::FakeServer;
using test::Opened;
using test::Received;
using test::RecordingWatcher;
using test::reply_bytes;

TEST_CASE("giving up: a call that is past its deadline leaves the connection in step", "[client]") {
  std::string late;
  FakeServer server([&](const Received& request) -> FakeReply {
    if (request.method == "slow") {
      late = reply_bytes(request.id, "too late");
      return {};
    }
    return {std::exchange(late, {}) + echo(request).bytes, false};
  });
  const Opened session(server);
  for (const CallEffect effect : {CallEffect::changes, CallEffect::reads}) {
    auto slow = call(*session, "slow", effect, deadline_in(5ms));
    REQUIRE_FALSE(slow.result);
    CHECK(slow.result.error().code == Errc::timeout);
    CHECK(slow.result.error().done == (effect == CallEffect::reads ? Done::no : Done::unknown));
    CHECK(slow.result.error().message.find("slow") != std::string::npos);
    const auto next = call(*session, "say", CallEffect::changes, {}, "mine");
    REQUIRE(next.result);
    CHECK(*unpack<std::string>(*next.result) == "mine");
  }
  CHECK(session->certain());
  CHECK(server.connections() == 1);
}

TEST_CASE("giving up: a lock that is granted too late is released", "[client]") {
  std::string late;
  FakeServer server([&](const Received& request) -> FakeReply {
    if (request.method == "lock.acquire") {
      late = reply_bytes(request.id, std::map<std::string, int>{{"token", 1}});
      return {};
    }
    return {std::exchange(late, {}) +
                (request.method == "say" ? echo(request).bytes : reply_bytes(request.id, nullptr)),
            false};
  });
  const Opened session(server);
  const detail::Params params = detail::params_of("a", nullptr, "t1");
  const detail::Params undo = detail::params_of("a", "t1");
  Call acquire{.method = "lock.acquire", .waits = true};
  acquire.with(params);
  acquire.undo_method = "lock.release";
  acquire.undo_count = undo.count;
  acquire.undo_params = undo.bytes;
  CHECK_FALSE(session->call(acquire, deadline_in(5ms)).result);
  CHECK(call(*session, "say").result);
  server.wait_received("lock.release", 1);
  CHECK(calls_of(server, "session.cancel").size() == 1);
  const Received release = calls_of(server, "lock.release").at(0);
  CHECK(*unpack<std::vector<std::string>>(PackedView(release.params)) ==
        std::vector<std::string>{"a", "t1"});
}

TEST_CASE("giving up: a waiting call is cancelled first, and its reply counts", "[client]") {
  FakeServer server([](const Received& request) {
    return request.method == "wait" ? FakeReply{} : echo(request);
  });
  server.on_cancel([&](const Received& request) -> FakeReply {
    if (request.id == 1) return {reply_bytes(request.id, "just so")};
    return {test::error_bytes(request.id, {Errc::cancelled, "it was cancelled", Done::no, {}})};
  });
  Opened session(server);
  auto asynchronous_one = asynchronous("wait", "x", deadline_in(4s));
  asynchronous_one->call.waits = true;
  static_cast<void>(session->start(std::move(asynchronous_one)));
  auto other = call(*session, "wait", CallEffect::changes, deadline_in(4s), "x", true);
  session.notes.wait_until([&] { return session.notes.succeeded == 1; });
  REQUIRE_FALSE(other.result);
  CHECK(other.result.error().code == Errc::timeout);
  CHECK(other.result.error().done == Done::no);
  CHECK(calls_of(server, "session.cancel").size() == 2);
}

TEST_CASE("giving up: a lock whose caller gave up does not block the next acquire", "[client]") {
  FakeServer server([](const Received& request) -> FakeReply {
    return request.connection == 1 || request.notification
               ? FakeReply{}
               : FakeReply{reply_bytes(request.id, nullptr)};
  });
  const Opened session(server);
  const detail::Params params = detail::params_of("a", nullptr, "t1");
  const detail::Params undo = detail::params_of("a", "t1");
  Call acquire{.method = "lock.acquire", .waits = true};
  acquire.with(params);
  acquire.undo_method = "lock.release";
  acquire.undo_count = undo.count;
  acquire.undo_params = undo.bytes;
  CHECK_FALSE(session->call(acquire, deadline_in(5ms)).result);
  static_cast<void>(session->start(std::make_unique<OwnedCall>(acquire, Deadline())));
  server.wait_received("lock.acquire", 2);
  server.cut();
  server.wait_received("lock.acquire", 4);
  std::vector<std::string> order;
  for (const Received& request : server.received()) {
    if (request.connection == 2) order.push_back(request.method);
  }
  std::erase(order, "session.acknowledge");
  CHECK(order == std::vector<std::string>{"session.resume", "lock.acquire", "session.cancel",
                                          "lock.release", "lock.acquire"});
}

TEST_CASE("giving up: a release reaches the server although its caller gave up", "[client]") {
  FakeServer server([](const Received& request) {
    return request.connection == 1 ? FakeReply{} : echo(request);
  });
  const Opened session(server);
  const detail::Params params = detail::params_of("a", "t1");
  Call release{.method = "lock.release", .lasting = true};
  auto outcome = session->call(release.with(params), deadline_in(5ms));
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().done == Done::unknown);
  server.cut();
  server.wait_received("lock.release", 2);
  const auto said = calls_of(server, "lock.release");
  CHECK(said[0].id == said[1].id);
  CHECK(said[1].connection == 2);
  // Once it is answered, the call is not sent again.
  CHECK(call(*session, "say").result);
  server.cut();
  server.wait_received("session.resume", 2);
  CHECK(call(*session, "say").result);
  CHECK(calls_of(server, "lock.release").size() == 2);
}

TEST_CASE("giving up: an asynchronous call ends at its deadline", "[client]") {
  FakeServer server([](const Received& request) {
    return request.method == "slow" ? FakeReply{} : echo(request);
  });
  Opened session(server);
  static_cast<void>(session->start(asynchronous("slow", "x", deadline_in(5ms))));
  session.notes.wait_until([&] { return session.notes.failed == 1; });
  CHECK(call(*session, "say").result);
}

TEST_CASE("giving up: asynchronous calls end in time while the session reconnects", "[client]") {
  FakeServer server(echo);
  server.set_ttl(3600);
  RecordingWatcher notes;
  detail::SessionPlan plan{
      {*detail::parse_address(server.address())}, {.connect_timeout = std::chrono::hours(1)}, {}};
  auto session = *Session::open(plan, notes, 1, {}, detail::wait_without_cancel);
  server.mute();
  server.cut();
  server.wait_received("session.resume", 1);
  static_cast<void>(session->start(asynchronous("say", "x", deadline_in(5ms))));
  notes.wait_until([&] { return notes.failed == 1; });
  // stop() does not wait for the connection either, and first completes the pending calls.
  static_cast<void>(session->start(asynchronous("say")));
  session->stop();
  CHECK(notes.failed == 2);
}

TEST_CASE("giving up: a call that could not be sent whole in time is known not to have run",
          "[client]") {
  std::mutex gate;
  FakeServer server([&](const Received& request) {
    if (request.method == "stop") const std::lock_guard wait(gate);
    return echo(request);
  });
  const Opened session(server);
  {
    const std::lock_guard closed(gate);
    static_cast<void>(session->start(asynchronous("stop")));
    auto outcome =
        call(*session, "say", CallEffect::changes, deadline_in(20ms), std::string(4'000'000, 'x'));
    REQUIRE_FALSE(outcome.result);
    CHECK(outcome.result.error().done == Done::no);
  }
  CHECK(call(*session, "say").result);
  CHECK(calls_of(server, "say").size() == 1);
}
