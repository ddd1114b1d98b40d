// SPDX-License-Identifier: MIT

#include "client/src/session/session.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/unit/client/opened_session.hpp"

using namespace agora;
using namespace std::chrono_literals;
using detail::CallEffect;
using detail::deadline_in;
using detail::OwnedCall;
using test::asynchronous;
using test::call;
using test::calls_of;
using test::echo;
using test::FakeReply;
using test::FakeServer;
using test::Opened;
using test::Received;
using test::reply_bytes;

TEST_CASE("session: a call returns the result of the server", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  const auto outcome = call(*session, "say", CallEffect::changes, {}, "hello");
  REQUIRE(outcome.result);
  CHECK(outcome.sent);
  CHECK(*unpack<std::string>(*outcome.result) == "hello");
  CHECK(session->certain());
}

TEST_CASE("session: an error of the server arrives unchanged", "[client]") {
  FakeServer server([](const Received& request) {
    Error error{Errc::key_error, "no such key", Done::no, {}};
    error.details.push_back({"key", std::string(pack(5).bytes())});
    return FakeReply{test::error_bytes(request.id, error), false};
  });
  const Opened session(server);
  auto outcome = call(*session, "say");
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().code == Errc::key_error);
  CHECK(outcome.result.error().message == "no such key");
  CHECK(outcome.result.error().done == Done::no);
  REQUIRE(outcome.result.error().details.size() == 1);
  CHECK(session->certain());
  CHECK(server.connections() == 1);
}

TEST_CASE("session: replies in any order reach their callers", "[client]") {
  // The server holds back all replies until every call has come, then sends them in reverse order.
  constexpr int kThreads = 8;
  std::string kept;
  int waiting = 0;
  FakeServer server([&](const Received& request) -> FakeReply {
    kept.insert(0, echo(request).bytes);
    if (++waiting < kThreads) return {};
    waiting = 0;
    return {std::exchange(kept, {}), false};
  });
  const Opened session(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        const std::string mine = std::to_string(t) + "/" + std::to_string(round);
        const auto outcome = call(*session, "say", CallEffect::changes, {}, mine);
        if (outcome.result && *unpack<std::string>(*outcome.result) == mine) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == kThreads * 50);
}

TEST_CASE("session: parameters larger than a message are refused by the client", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  auto outcome =
      call(*session, "say", CallEffect::changes, {}, std::string((64u << 20) - 1000, 'x'));
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().code == Errc::too_large);
  CHECK_FALSE(outcome.sent);
  CHECK(call(*session, "say").result);
}

TEST_CASE("session: large calls of many threads are not interleaved", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string mine(700'000, static_cast<char>('a' + t));
      for (int round = 0; round < 5; ++round) {
        const auto outcome = call(*session, "say", CallEffect::changes, {}, mine);
        if (outcome.result && *unpack<std::string>(*outcome.result) == mine) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 20);
}

TEST_CASE("session: a connection cut at any byte of a reply loses no call", "[client]") {
  const std::size_t size = reply_bytes(1, "x").size();
  for (std::size_t cut = 0; cut < size; ++cut) {
    CAPTURE(cut);
    bool whole = false;
    FakeServer server([&](const Received& request) {
      if (std::exchange(whole, true)) return echo(request);
      return FakeReply{echo(request).bytes.substr(0, cut), true};
    });
    const Opened session(server);
    const auto outcome = call(*session, "say");
    REQUIRE(outcome.result);
    CHECK(*unpack<std::string>(*outcome.result) == "x");
    CHECK(server.connections() == 2);
    const auto said = calls_of(server, "say");
    REQUIRE(said.size() == 2);
    CHECK(said[0].id == said[1].id);
    CHECK(said[1].connection == 2);
  }
}

TEST_CASE("session: malformed input closes the connection, and the call is sent again on a new one",
          "[client]") {
  const std::string cases[] = {
      std::string("\xc1", 1),
      std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
      std::string("\xdd\xff\xff\xff\xff", 5),
      std::string(5'000, '\x91'),
      reply_bytes(77'777, 1),  // the number of no call
      test::error_bytes(
          0, {Errc::invalid_request, "no", Done::no, {}}),  // the server refuses the connection
  };
  for (const std::string& bytes : cases) {
    CAPTURE(bytes.substr(0, 20));
    bool malformed = true;
    FakeServer server([&](const Received& request) {
      return std::exchange(malformed, false) ? FakeReply{bytes, false} : echo(request);
    });
    const Opened session(server);
    CHECK(call(*session, "say").result);
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("session: calls without a reply are sent again, in order, with their numbers",
          "[client]") {
  constexpr int kThreads = 6;
  int seen = 0;
  FakeServer server([&](const Received& request) -> FakeReply {
    if (request.connection == 1) return {{}, ++seen == kThreads};
    return echo(request);
  });
  const Opened session(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string mine = std::to_string(t);
      const auto outcome = call(*session, "say", CallEffect::changes, {}, mine);
      if (outcome.result && *unpack<std::string>(*outcome.result) == mine) ++right;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == kThreads);
  const auto said = calls_of(server, "say");
  REQUIRE(said.size() == 2 * kThreads);
  for (std::size_t i = 0; i < said.size(); ++i) CHECK(said[i].id == i % kThreads + 1);
}

TEST_CASE("session: a reply is acknowledged in front of the next call, not before", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  CHECK(call(*session, "say").result);
  CHECK(calls_of(server, "session.acknowledge").empty());
  CHECK(call(*session, "say").result);
  const auto requests = server.received();
  REQUIRE(requests.size() == 4);
  CHECK(requests[2].method == "session.acknowledge");
  CHECK(requests[2].params == pack(std::make_tuple(1, std::vector<int>{})).bytes());
  CHECK(requests[3].id == 2);
}

TEST_CASE("session: a server that cannot resume it ends every call", "[client]") {
  FakeServer server([&](const Received& request) {
    if (request.method == "cut") return FakeReply{{}, true};
    return FakeReply{};
  });
  server.refuse_resume(Errc::session_lost);
  Opened session(server);
  std::thread reader([&] {
    auto outcome = call(*session, "get", CallEffect::reads);
    REQUIRE_FALSE(outcome.result);
    CHECK(outcome.result.error().code == Errc::session_lost);
    CHECK(outcome.result.error().done == Done::no);
  });
  server.wait_received("get", 1);
  auto outcome = call(*session, "cut");
  reader.join();
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.sent);
  CHECK(outcome.result.error().code == Errc::session_lost);
  CHECK(outcome.result.error().done == Done::unknown);
  CHECK(outcome.result.error().message == "cut: refused");
  session.notes.wait_until([&] { return session.notes.over; });
  CHECK(session->over());
  CHECK_FALSE(session->certain());
  const auto later = call(*session, "say");
  CHECK_FALSE(later.sent);
}

TEST_CASE("session: ends with the server's process where its exit is known", "[client]") {
  std::atomic<bool> gone{false};
  FakeServer server([&](const Received&) {
    gone = true;
    return FakeReply{{}, true};
  });
  const Opened session(server, [&] { return gone.load(); });
  auto outcome = call(*session, "last");
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().code == Errc::session_lost);
  CHECK(server.connections() == 1);
}

TEST_CASE("session: a session_lost reply ends it", "[client]") {
  FakeServer server([&](const Received& request) -> FakeReply {
    return {test::error_bytes(request.id, {Errc::session_lost, "ended by an admin", Done::no, {}}),
            false};
  });
  server.refuse_resume(Errc::session_lost);
  Opened session(server);
  auto outcome = call(*session, "say");
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().done == Done::no);
  CHECK(session->over());
  session.notes.wait_until([&] { return session.notes.over; });
}

TEST_CASE("session: a refused call is sent again after the replies are acknowledged", "[client]") {
  int refusals = 0;
  FakeServer server([&](const Received& request) -> FakeReply {
    if (request.method != "say" || refusals++ > 1) return echo(request);
    return {test::error_bytes(request.id, {Errc::session_backlog, "too many", Done::no, {}}),
            false};
  });
  Opened session(server);
  CHECK(call(*session, "first").result);
  CHECK(call(*session, "say").result);
  const auto said = calls_of(server, "say");
  REQUIRE(said.size() == 3);
  CHECK(said[0].id < said[1].id);
  CHECK(said[1].id < said[2].id);
}

TEST_CASE("session: asynchronous calls complete on the I/O thread, whichever thread reads",
          "[client]") {
  FakeServer server(echo);
  Opened session(server);
  constexpr int kCalls = 5'000;  // far more than may be pending at once
  for (int i = 0; i < kCalls; ++i) CHECK(session->start(asynchronous("say")) == nullptr);
  for (int i = 0; i < 20; ++i) CHECK(call(*session, "say").result);
  session.notes.wait_until([&] { return session.notes.succeeded == kCalls; });
  const auto said = calls_of(server, "say");
  REQUIRE(said.size() == kCalls + 20);
  for (std::size_t i = 1; i < said.size(); ++i) REQUIRE(said[i].id > said[i - 1].id);
}

TEST_CASE("session: at most 512 calls are pending at once", "[client]") {
  std::size_t seen = 0;
  std::size_t most = 0;
  std::string held;
  FakeServer server([&](const Received& request) -> FakeReply {
    if (request.notification) return {};
    most = std::max(most, ++seen);
    held += echo(request).bytes;
    if (seen < detail::CallTable::kOpenMax && request.method != "last") return {};
    seen = 0;
    return {std::exchange(held, {}), false};
  });
  Opened session(server);
  for (int i = 0; i < 2'000; ++i) static_cast<void>(session->start(asynchronous("say")));
  static_cast<void>(session->start(asynchronous("last")));
  session.notes.wait_until([&] { return session.notes.succeeded == 2'001; });
  CHECK(most == detail::CallTable::kOpenMax);
}

TEST_CASE("session: a pipeline does not acknowledge calls that ended in another session",
          "[client]") {
  FakeServer server([](const Received& request) {
    return request.method == "slow" ? FakeReply{} : echo(request);
  });
  const Opened session(server);
  static_cast<void>(session->start(asynchronous("slow")));
  std::vector<std::unique_ptr<OwnedCall>> calls;
  calls.push_back(asynchronous("say"));
  calls.back()->number = 1;
  calls.back()->done = true;
  calls.push_back(asynchronous("say"));
  session->run(calls);
  CHECK(call(*session, "say").result);
  const auto said = calls_of(server, "session.acknowledge");
  REQUIRE(said.size() == 1);
  CHECK(said[0].params == pack(std::make_tuple(0, std::vector<int>{2})).bytes());
}

TEST_CASE("session: a pipeline's calls are sent in order and each gets its own reply", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  std::vector<std::unique_ptr<OwnedCall>> calls;
  for (int i = 0; i < 1'500; ++i) calls.push_back(asynchronous("say", std::to_string(i)));
  session->run(calls);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    REQUIRE(calls[i]->done);
    REQUIRE_FALSE(calls[i]->error);
    CHECK(*unpack<std::string>(calls[i]->result) == std::to_string(i));
  }
}

TEST_CASE("session: notices reach the watcher while no caller reads", "[client]") {
  std::string notice;
  FakeServer server([&](const Received& request) {
    FakeReply reply = echo(request);
    begin_msgpack_notification("notice", 1, notice);
    notice += pack(std::map<std::string, any>{{"kind", "watch"}}).bytes();
    reply.bytes += notice;
    return reply;
  });
  Opened session(server);
  session->expect_notices();
  CHECK(call(*session, "say").result);
  session.notes.wait_until([&] { return session.notes.notices.size() == 1; });
}

TEST_CASE("session: sends heartbeats while it is idle", "[client]") {
  FakeServer server(echo);
  server.set_ttl(0.06);
  const Opened session(server);
  server.wait_received("session.ping", 3);
  CHECK(server.connections() >= 1);
}

TEST_CASE("session: detects the end of its connection while it is idle, and reconnects",
          "[client]") {
  FakeServer server([](const Received& request) {
    return request.notification ? FakeReply{{}, true} : echo(request);
  });
  const Opened session(server);
  auto bye = asynchronous("bye");
  static_cast<void>(call(*session, "say"));
  server.cut();
  server.wait_received("session.resume", 1);
  CHECK(call(*session, "say").result);
  CHECK(session->certain());
}

TEST_CASE("session: a writer that waits for room reads the replies of other calls", "[client]") {
  // The server does not read on until its large reply has been read.
  FakeServer server([](const Received& request) {
    if (request.method == "late")
      return FakeReply{reply_bytes(request.id, std::string(8'000'000, 'y'))};
    return FakeReply{reply_bytes(request.id, "done")};
  });
  const Opened session(server);
  CHECK_FALSE(call(*session, "late", CallEffect::reads, deadline_in(0ms)).result);
  const auto outcome =
      call(*session, "say", CallEffect::changes, deadline_in(60s), std::string(4'000'000, 'x'));
  REQUIRE(outcome.result);
  CHECK(*unpack<std::string>(*outcome.result) == "done");
}
