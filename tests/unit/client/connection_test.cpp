#include "client/src/connection.hpp"

#include <array>
#include <chrono>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "client/src/fork_guard.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

using namespace agora;
using namespace std::chrono_literals;
using client::Call;
using client::Connection;
using client::Deadline;
using client::deadline_in;
using client::Effect;
using test::Answer;
using test::FakeServer;
using test::Heard;
using test::reply_bytes;

namespace {

std::shared_ptr<Connection> connect(const FakeServer& server) {
  const auto address = client::parse_address(server.address());
  auto socket = client::Socket::dial(*address, deadline_in(10s));
  REQUIRE(socket);
  return std::make_shared<Connection>(std::move(*socket), 1);
}

Connection::Outcome call(Connection& connection, const std::string& method,
                         Effect effect = Effect::changes, const Deadline& deadline = {},
                         const std::string& text = "x") {
  const client::Params params = client::params_of(text);
  Call what{.method = method, .effect = effect};
  return connection.call(what.with(params), deadline);
}

std::unique_ptr<client::Socket> adopt(int fd) {
  return std::make_unique<client::Socket>([fd] { return fd; });
}

/// Answers every call with its own first parameter.
Answer echo(const Heard& heard) {
  const auto params = *unpack<std::vector<std::string>>(PackedView(heard.params));
  return {reply_bytes(heard.id, params.at(0)), false};
}

}  // namespace

TEST_CASE("a call gives what the server answers", "[client]") {
  FakeServer server(echo);
  const auto connection = connect(server);
  const auto outcome = call(*connection, "say", Effect::changes, {}, "hello");
  REQUIRE(outcome.result);
  CHECK(outcome.sent);
  CHECK(*unpack<std::string>(*outcome.result) == "hello");
  CHECK(connection->alive());
}

TEST_CASE("an error of the server arrives as it was", "[client]") {
  FakeServer server([](const Heard& heard) {
    Error error{Errc::key_error, "no such key", Done::no, {}};
    error.details.push_back({"key", std::string(pack(5).bytes())});
    return Answer{test::error_bytes(heard.id, error), false};
  });
  const auto connection = connect(server);
  auto outcome = call(*connection, "say");
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().code == Errc::key_error);
  CHECK(outcome.result.error().message == "no such key");
  CHECK(outcome.result.error().done == Done::no);
  REQUIRE(outcome.result.error().details.size() == 1);
  CHECK_FALSE(connection->lost());
}

TEST_CASE("replies in any order reach their callers", "[client]") {
  // The answer to each call is held back until all are there, then sent last first.
  constexpr int kThreads = 8;
  std::string kept;
  int waiting = 0;
  FakeServer server([&](const Heard& heard) -> Answer {
    kept.insert(0, echo(heard).bytes);
    if (++waiting < kThreads) return {};
    waiting = 0;
    return {std::exchange(kept, {}), false};
  });
  const auto connection = connect(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        const std::string mine = std::to_string(t) + "/" + std::to_string(round);
        const auto outcome = call(*connection, "say", Effect::changes, {}, mine);
        if (outcome.result && *unpack<std::string>(*outcome.result) == mine) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == kThreads * 50);
}

TEST_CASE("a call that is past its deadline leaves the connection in step", "[client]") {
  std::string late;
  FakeServer server([&](const Heard& heard) -> Answer {
    if (heard.method == "slow") {
      late = reply_bytes(heard.id, "too late");
      return {};
    }
    return {std::exchange(late, {}) + echo(heard).bytes, false};
  });
  const auto connection = connect(server);
  for (const Effect effect : {Effect::changes, Effect::reads}) {
    auto slow = call(*connection, "slow", effect, deadline_in(5ms));
    REQUIRE_FALSE(slow.result);
    CHECK(slow.result.error().code == Errc::timeout);
    CHECK(slow.result.error().done == (effect == Effect::reads ? Done::no : Done::unknown));
    CHECK(slow.result.error().message.find("slow") != std::string::npos);
    const auto next = call(*connection, "say", Effect::changes, {}, "mine");
    REQUIRE(next.result);
    CHECK(*unpack<std::string>(*next.result) == "mine");
  }
  CHECK_FALSE(connection->lost());
}

TEST_CASE("a lock that is granted too late is given back", "[client]") {
  std::string late;
  FakeServer server([&](const Heard& heard) -> Answer {
    if (heard.method == "lock.acquire") {
      late = reply_bytes(heard.id, std::map<std::string, int>{{"token", 1}});
      return {};
    }
    if (heard.notification) return {};
    return {std::exchange(late, {}) + echo(heard).bytes, false};
  });
  const auto connection = connect(server);
  const client::Params params = client::params_of("a", nullptr, "t1");
  const client::Params undo = client::params_of("a", "t1");
  Call acquire{.method = "lock.acquire", .waits = true};
  acquire.with(params);
  acquire.undo_method = "lock.release";
  acquire.undo_count = undo.count;
  acquire.undo_params = undo.bytes;
  CHECK_FALSE(connection->call(acquire, deadline_in(5ms)).result);
  CHECK(call(*connection, "say").result);
  server.wait_heard("lock.release", 1);
  const Heard release = server.heard().back();
  CHECK(release.notification);
  CHECK(*unpack<std::vector<std::string>>(PackedView(release.params)) ==
        std::vector<std::string>{"a", "t1"});
}

TEST_CASE("a connection cut at any byte of a reply is lost, and the call says so", "[client]") {
  const std::size_t size = reply_bytes(1, "x").size();
  for (std::size_t cut = 0; cut < size; ++cut) {
    for (const Effect effect : {Effect::changes, Effect::reads}) {
      CAPTURE(cut);
      FakeServer server([&](const Heard& heard) {
        return Answer{echo(heard).bytes.substr(0, cut), true};
      });
      const auto connection = connect(server);
      auto outcome = call(*connection, "say", effect);
      REQUIRE_FALSE(outcome.result);
      CHECK(outcome.sent);
      CHECK(outcome.result.error().code == Errc::unavailable);
      CHECK(outcome.result.error().done == (effect == Effect::reads ? Done::no : Done::unknown));
      CHECK(connection->lost());
      auto next = call(*connection, "say");
      REQUIRE_FALSE(next.result);
      CHECK_FALSE(next.sent);
      CHECK(next.result.error().done == Done::no);
    }
  }
}

TEST_CASE("a server that talks nonsense is left", "[client]") {
  const std::string cases[] = {
      std::string("\xc1", 1),
      std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
      std::string("\xdd\xff\xff\xff\xff", 5),
      std::string(5'000, '\x91'),
      reply_bytes(77'777, 1),                                             // nobody's number
      reply_bytes(1, 1) + reply_bytes(1, 1) + std::string("\xc1", 1),     // twice the same
      test::error_bytes(0, {Errc::invalid_request, "no", Done::no, {}}),  // it gave up on us
  };
  for (const std::string& bytes : cases) {
    CAPTURE(bytes.substr(0, 20));
    FakeServer server([&](const Heard&) { return Answer{bytes, false}; });
    const auto connection = connect(server);
    // The first may still get its answer; then the nonsense is read.
    if (auto first = call(*connection, "say"); first.result) {
      CHECK_FALSE(call(*connection, "say").result);
    }
    CHECK(connection->lost());
    CHECK_FALSE(connection->alive());
  }
}

TEST_CASE("when the connection is lost every caller hears of it", "[client]") {
  constexpr int kThreads = 6;
  std::atomic<int> seen{0};
  FakeServer server([&](const Heard&) { return Answer{{}, ++seen == kThreads}; });
  const auto connection = connect(server);
  std::vector<std::thread> threads;
  std::atomic<int> failed{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      auto outcome = call(*connection, "say");
      if (!outcome.result && outcome.result.error().code == Errc::unavailable) ++failed;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(failed == kThreads);
}

TEST_CASE("parameters larger than a message are refused here", "[client]") {
  FakeServer server(echo);
  const auto connection = connect(server);
  auto outcome =
      call(*connection, "say", Effect::changes, {}, std::string((64u << 20) - 1000, 'x'));
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().code == Errc::too_large);
  CHECK_FALSE(outcome.sent);
  CHECK(call(*connection, "say").result);
}

TEST_CASE("large calls of many threads go through whole", "[client]") {
  FakeServer server(echo);
  const auto connection = connect(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string mine(700'000, static_cast<char>('a' + t));
      for (int round = 0; round < 5; ++round) {
        const auto outcome = call(*connection, "say", Effect::changes, {}, mine);
        if (outcome.result && *unpack<std::string>(*outcome.result) == mine) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 20);
}

TEST_CASE("a call that the other side does not take in time is known not to be done", "[client]") {
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  {
    Connection connection(adopt(ends[0]), 1);
    auto outcome =
        call(connection, "say", Effect::changes, deadline_in(20ms), std::string(4'000'000, 'x'));
    REQUIRE_FALSE(outcome.result);
    CHECK(outcome.result.error().done == Done::no);
    // Part of a message is under way, so nothing more can be said on this connection.
    CHECK(connection.lost());
  }
  close(ends[1]);
}

TEST_CASE("a writer reads what others were told while it waits", "[client]") {
  // The other side does not read until its own large answer has been taken.
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  Connection connection(adopt(ends[0]), 1);
  CHECK_FALSE(call(connection, "late", Effect::changes, deadline_in(5ms)).result);
  std::thread server([&] {
    const std::string answer = reply_bytes(1, std::string(8'000'000, 'y'));
    std::string_view rest = answer;
    while (!rest.empty()) {
      const ssize_t sent = send(ends[1], rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    std::vector<char> sink(1 << 20);
    std::size_t got = 0;
    while (got < 4'000'000) {
      const ssize_t bytes = recv(ends[1], sink.data(), sink.size(), 0);
      if (bytes <= 0) return;
      got += static_cast<std::size_t>(bytes);
    }
    const std::string second = reply_bytes(2, "done");
    static_cast<void>(send(ends[1], second.data(), second.size(), MSG_NOSIGNAL));
  });
  const auto outcome =
      call(connection, "say", Effect::changes, deadline_in(60s), std::string(4'000'000, 'x'));
  server.join();
  REQUIRE(outcome.result);
  CHECK(*unpack<std::string>(*outcome.result) == "done");
  close(ends[1]);
}

TEST_CASE("alive looks at the connection and finds that the server has gone", "[client]") {
  FakeServer server([](const Heard& heard) { return Answer{echo(heard).bytes, true}; });
  const auto connection = connect(server);
  CHECK(connection->alive());
  CHECK(call(*connection, "say").result);
  while (connection->alive()) std::this_thread::yield();
  CHECK(connection->lost());
}

TEST_CASE("a notification has no answer and never throws", "[client]") {
  FakeServer server([](const Heard& heard) {
    return heard.notification ? Answer{{}, true} : echo(heard);
  });
  const auto connection = connect(server);
  std::string message;
  begin_msgpack_notification("bye", 0, message);
  connection->notify(message);
  server.wait_heard("bye", 1);
  while (connection->alive()) std::this_thread::yield();
  connection->notify(message);
  CHECK(connection->lost());
}
