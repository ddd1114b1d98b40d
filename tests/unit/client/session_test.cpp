#include "client/src/session.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <thread>
#include <vector>

#include "client/src/fork_guard.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

using namespace agora;
using namespace std::chrono_literals;
using client::Call;
using client::Deadline;
using client::deadline_in;
using client::Effect;
using client::OwnedSlot;
using client::Session;
using test::Answer;
using test::FakeServer;
using test::Heard;
using test::reply_bytes;

namespace {

/// Notes what it is told, and lets a test wait for it.
struct Notes : client::SessionWatcher {
  void completed(Session& session, std::unique_ptr<OwnedSlot> call) noexcept override {
    session.finished(call->number, true);
    note([&] { call->error ? ++failed : ++succeeded; });
  }
  void noticed(const Packed& notice) noexcept override {
    note([&] { notices.push_back(notice); });
  }
  void ended(Session&) noexcept override {
    note([&] { over = true; });
  }
  void unsent(Session&, std::vector<std::unique_ptr<OwnedSlot>> calls,
              const client::Wait&) noexcept override {
    note([&] { returned += calls.size(); });
  }
  template <typename Change>
  void note(Change change) {
    const std::lock_guard guard(mutex);
    change();
    changed.notify_all();
  }
  template <typename Until>
  void wait_until(Until until) {
    std::unique_lock lock(mutex);
    changed.wait(lock, until);
  }

  std::mutex mutex;
  std::condition_variable changed;
  int succeeded = 0;
  int failed = 0;
  std::size_t returned = 0;
  bool over = false;
  std::vector<Packed> notices;
};

/// A session that ends with the test.
struct Opened {
  explicit Opened(const FakeServer& server, std::function<bool()> gone = {}) {
    client::SessionPlan plan{*client::parse_address(server.address()), {}, std::move(gone)};
    auto opened = Session::open(plan, notes, 1, {}, client::wait_patiently);
    REQUIRE(opened);
    session = *opened;
  }
  ~Opened() { session->stop(); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  Session* operator->() const { return session.get(); }
  Session& operator*() const { return *session; }

  Notes notes;
  std::shared_ptr<Session> session;
};

struct Tell : client::Completion {
  void complete(client::Reply, Keep) override {}
};

Session::Outcome call(Session& session, const std::string& method, Effect effect = Effect::changes,
                      const Deadline& deadline = {}, const std::string& text = "x",
                      bool waits = false) {
  const client::Params params = client::params_of(text);
  Call what{.method = method, .effect = effect, .waits = waits};
  return session.call(what.with(params), deadline);
}

std::unique_ptr<OwnedSlot> asynchronous(const std::string& method, const std::string& text = "x",
                                        const Deadline& deadline = {}) {
  const client::Params params = client::params_of(text);
  Call what{.method = method};
  return std::make_unique<OwnedSlot>(what.with(params), deadline, std::make_unique<Tell>());
}

/// Answers every call with its own first parameter.
Answer echo(const Heard& heard) {
  if (heard.notification) return {};
  const auto params = *unpack<std::vector<std::string>>(PackedView(heard.params));
  return {reply_bytes(heard.id, params.at(0)), false};
}

std::vector<Heard> calls_of(FakeServer& server, const std::string& method) {
  std::vector<Heard> calls = server.heard();
  std::erase_if(calls, [&](const Heard& heard) { return heard.method != method; });
  return calls;
}

}  // namespace

TEST_CASE("a call gives what the server answers", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  const auto outcome = call(*session, "say", Effect::changes, {}, "hello");
  REQUIRE(outcome.result);
  CHECK(outcome.sent);
  CHECK(*unpack<std::string>(*outcome.result) == "hello");
  CHECK(session->certain());
}

TEST_CASE("an error of the server arrives as it was", "[client]") {
  FakeServer server([](const Heard& heard) {
    Error error{Errc::key_error, "no such key", Done::no, {}};
    error.details.push_back({"key", std::string(pack(5).bytes())});
    return Answer{test::error_bytes(heard.id, error), false};
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
  const Opened session(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 50; ++round) {
        const std::string mine = std::to_string(t) + "/" + std::to_string(round);
        const auto outcome = call(*session, "say", Effect::changes, {}, mine);
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
  const Opened session(server);
  for (const Effect effect : {Effect::changes, Effect::reads}) {
    auto slow = call(*session, "slow", effect, deadline_in(5ms));
    REQUIRE_FALSE(slow.result);
    CHECK(slow.result.error().code == Errc::timeout);
    CHECK(slow.result.error().done == (effect == Effect::reads ? Done::no : Done::unknown));
    CHECK(slow.result.error().message.find("slow") != std::string::npos);
    const auto next = call(*session, "say", Effect::changes, {}, "mine");
    REQUIRE(next.result);
    CHECK(*unpack<std::string>(*next.result) == "mine");
  }
  CHECK(session->certain());
  CHECK(server.connections() == 1);
}

TEST_CASE("a lock that is granted too late is given back", "[client]") {
  std::string late;
  FakeServer server([&](const Heard& heard) -> Answer {
    if (heard.method == "lock.acquire") {
      late = reply_bytes(heard.id, std::map<std::string, int>{{"token", 1}});
      return {};
    }
    return {std::exchange(late, {}) +
                (heard.method == "say" ? echo(heard).bytes : reply_bytes(heard.id, nullptr)),
            false};
  });
  const Opened session(server);
  const client::Params params = client::params_of("a", nullptr, "t1");
  const client::Params undo = client::params_of("a", "t1");
  Call acquire{.method = "lock.acquire", .waits = true};
  acquire.with(params);
  acquire.undo_method = "lock.release";
  acquire.undo_count = undo.count;
  acquire.undo_params = undo.bytes;
  CHECK_FALSE(session->call(acquire, deadline_in(5ms)).result);
  CHECK(call(*session, "say").result);
  server.wait_heard("lock.release", 1);
  CHECK(calls_of(server, "session.cancel").size() == 1);
  const Heard release = calls_of(server, "lock.release").at(0);
  CHECK(*unpack<std::vector<std::string>>(PackedView(release.params)) ==
        std::vector<std::string>{"a", "t1"});
}

TEST_CASE("a waiting call is cancelled before it is given up, and its answer counts", "[client]") {
  FakeServer server(
      [](const Heard& heard) { return heard.method == "wait" ? Answer{} : echo(heard); });
  server.on_cancel([&](const Heard& heard) -> Answer {
    if (heard.id == 1) return {reply_bytes(heard.id, "just so")};
    return {test::error_bytes(heard.id, {Errc::cancelled, "it was cancelled", Done::no, {}})};
  });
  Opened session(server);
  auto asynchronous_one = asynchronous("wait", "x", deadline_in(4s));
  asynchronous_one->call.waits = true;
  static_cast<void>(session->start(std::move(asynchronous_one)));
  auto other = call(*session, "wait", Effect::changes, deadline_in(4s), "x", true);
  session.notes.wait_until([&] { return session.notes.succeeded == 1; });
  REQUIRE_FALSE(other.result);
  CHECK(other.result.error().code == Errc::timeout);
  CHECK(other.result.error().done == Done::no);
  CHECK(calls_of(server, "session.cancel").size() == 2);
}

TEST_CASE("a lock whose caller gave up stands in the way of nobody", "[client]") {
  FakeServer server([](const Heard& heard) -> Answer {
    return heard.connection == 1 || heard.notification ? Answer{}
                                                       : Answer{reply_bytes(heard.id, nullptr)};
  });
  const Opened session(server);
  const client::Params params = client::params_of("a", nullptr, "t1");
  const client::Params undo = client::params_of("a", "t1");
  Call acquire{.method = "lock.acquire", .waits = true};
  acquire.with(params);
  acquire.undo_method = "lock.release";
  acquire.undo_count = undo.count;
  acquire.undo_params = undo.bytes;
  CHECK_FALSE(session->call(acquire, deadline_in(5ms)).result);
  static_cast<void>(session->start(std::make_unique<OwnedSlot>(acquire, Deadline())));
  server.wait_heard("lock.acquire", 2);
  server.cut();
  server.wait_heard("lock.acquire", 4);
  std::vector<std::string> order;
  for (const Heard& heard : server.heard()) {
    if (heard.connection == 2) order.push_back(heard.method);
  }
  std::erase(order, "session.acknowledge");
  CHECK(order == std::vector<std::string>{"session.resume", "lock.acquire", "session.cancel",
                                          "lock.release", "lock.acquire"});
}

TEST_CASE("what gives something back reaches the server although its caller gave up", "[client]") {
  FakeServer server(
      [](const Heard& heard) { return heard.connection == 1 ? Answer{} : echo(heard); });
  const Opened session(server);
  const client::Params params = client::params_of("a", "t1");
  Call release{.method = "lock.release", .lasting = true};
  auto outcome = session->call(release.with(params), deadline_in(5ms));
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().done == Done::unknown);
  server.cut();
  server.wait_heard("lock.release", 2);
  const auto said = calls_of(server, "lock.release");
  CHECK(said[0].id == said[1].id);
  CHECK(said[1].connection == 2);
  // Answered, it is done with.
  CHECK(call(*session, "say").result);
  server.cut();
  server.wait_heard("session.resume", 2);
  CHECK(call(*session, "say").result);
  CHECK(calls_of(server, "lock.release").size() == 2);
}

TEST_CASE("parameters larger than a message are refused here", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  auto outcome = call(*session, "say", Effect::changes, {}, std::string((64u << 20) - 1000, 'x'));
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().code == Errc::too_large);
  CHECK_FALSE(outcome.sent);
  CHECK(call(*session, "say").result);
}

TEST_CASE("large calls of many threads go through whole", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string mine(700'000, static_cast<char>('a' + t));
      for (int round = 0; round < 5; ++round) {
        const auto outcome = call(*session, "say", Effect::changes, {}, mine);
        if (outcome.result && *unpack<std::string>(*outcome.result) == mine) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == 20);
}

TEST_CASE("a connection cut at any byte of a reply costs nothing", "[client]") {
  const std::size_t size = reply_bytes(1, "x").size();
  for (std::size_t cut = 0; cut < size; ++cut) {
    CAPTURE(cut);
    bool whole = false;
    FakeServer server([&](const Heard& heard) {
      if (std::exchange(whole, true)) return echo(heard);
      return Answer{echo(heard).bytes.substr(0, cut), true};
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

TEST_CASE("a server that talks nonsense is left, and asked again", "[client]") {
  const std::string cases[] = {
      std::string("\xc1", 1),
      std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
      std::string("\xdd\xff\xff\xff\xff", 5),
      std::string(5'000, '\x91'),
      reply_bytes(77'777, 1),                                             // nobody's number
      test::error_bytes(0, {Errc::invalid_request, "no", Done::no, {}}),  // it gave up on us
  };
  for (const std::string& bytes : cases) {
    CAPTURE(bytes.substr(0, 20));
    bool mad = true;
    FakeServer server([&](const Heard& heard) {
      return std::exchange(mad, false) ? Answer{bytes, false} : echo(heard);
    });
    const Opened session(server);
    CHECK(call(*session, "say").result);
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("all that have no answer are sent again, in order, with their numbers", "[client]") {
  constexpr int kThreads = 6;
  int seen = 0;
  FakeServer server([&](const Heard& heard) -> Answer {
    if (heard.connection == 1) return {{}, ++seen == kThreads};
    return echo(heard);
  });
  const Opened session(server);
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string mine = std::to_string(t);
      const auto outcome = call(*session, "say", Effect::changes, {}, mine);
      if (outcome.result && *unpack<std::string>(*outcome.result) == mine) ++right;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == kThreads);
  const auto said = calls_of(server, "say");
  REQUIRE(said.size() == 2 * kThreads);
  for (std::size_t i = 0; i < said.size(); ++i) CHECK(said[i].id == i % kThreads + 1);
}

TEST_CASE("a reply is acknowledged in front of the next call, not before", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  CHECK(call(*session, "say").result);
  CHECK(calls_of(server, "session.acknowledge").empty());
  CHECK(call(*session, "say").result);
  const auto heard = server.heard();
  REQUIRE(heard.size() == 4);
  CHECK(heard[2].method == "session.acknowledge");
  CHECK(heard[2].params == pack(std::make_tuple(1, std::vector<int>{})).bytes());
  CHECK(heard[3].id == 2);
}

TEST_CASE("a server that cannot resume the session ends every call", "[client]") {
  FakeServer server([&](const Heard& heard) {
    if (heard.method == "cut") return Answer{{}, true};
    return Answer{};
  });
  server.refuse_resume(Errc::session_lost);
  Opened session(server);
  std::thread reader([&] {
    auto outcome = call(*session, "get", Effect::reads);
    REQUIRE_FALSE(outcome.result);
    CHECK(outcome.result.error().code == Errc::session_lost);
    CHECK(outcome.result.error().done == Done::no);
  });
  server.wait_heard("get", 1);
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

TEST_CASE("a session ends with the server's process where that is known", "[client]") {
  std::atomic<bool> gone{false};
  FakeServer server([&](const Heard&) {
    gone = true;
    return Answer{{}, true};
  });
  const Opened session(server, [&] { return gone.load(); });
  auto outcome = call(*session, "last");
  REQUIRE_FALSE(outcome.result);
  CHECK(outcome.result.error().code == Errc::session_lost);
  CHECK(server.connections() == 1);
}

TEST_CASE("an answer that says so ends the session", "[client]") {
  FakeServer server([&](const Heard& heard) -> Answer {
    return {test::error_bytes(heard.id, {Errc::session_lost, "ended by an admin", Done::no, {}}),
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

TEST_CASE("a refused call is made again once the server has heard what arrived", "[client]") {
  int refusals = 0;
  FakeServer server([&](const Heard& heard) -> Answer {
    if (heard.method != "say" || refusals++ > 1) return echo(heard);
    return {test::error_bytes(heard.id, {Errc::session_backlog, "too many", Done::no, {}}), false};
  });
  Opened session(server);
  CHECK(call(*session, "first").result);
  CHECK(call(*session, "say").result);
  const auto said = calls_of(server, "say");
  REQUIRE(said.size() == 3);
  CHECK(said[0].id < said[1].id);
  CHECK(said[1].id < said[2].id);
}

TEST_CASE("asynchronous calls are told on the I/O thread, whoever reads", "[client]") {
  FakeServer server(echo);
  Opened session(server);
  constexpr int kCalls = 5'000;  // far more than may be open at once
  for (int i = 0; i < kCalls; ++i) CHECK(session->start(asynchronous("say")) == nullptr);
  for (int i = 0; i < 20; ++i) CHECK(call(*session, "say").result);
  session.notes.wait_until([&] { return session.notes.succeeded == kCalls; });
  const auto said = calls_of(server, "say");
  REQUIRE(said.size() == kCalls + 20);
  for (std::size_t i = 1; i < said.size(); ++i) REQUIRE(said[i].id > said[i - 1].id);
}

TEST_CASE("at most 512 calls are open at once", "[client]") {
  std::size_t seen = 0;
  std::size_t most = 0;
  std::string held;
  FakeServer server([&](const Heard& heard) -> Answer {
    if (heard.notification) return {};
    most = std::max(most, ++seen);
    held += echo(heard).bytes;
    if (seen < client::CallTable::kOpenMax && heard.method != "last") return {};
    seen = 0;
    return {std::exchange(held, {}), false};
  });
  Opened session(server);
  for (int i = 0; i < 2'000; ++i) static_cast<void>(session->start(asynchronous("say")));
  static_cast<void>(session->start(asynchronous("last")));
  session.notes.wait_until([&] { return session.notes.succeeded == 2'001; });
  CHECK(most == client::CallTable::kOpenMax);
}

TEST_CASE("an asynchronous call ends at its deadline", "[client]") {
  FakeServer server(
      [](const Heard& heard) { return heard.method == "slow" ? Answer{} : echo(heard); });
  Opened session(server);
  static_cast<void>(session->start(asynchronous("slow", "x", deadline_in(5ms))));
  session.notes.wait_until([&] { return session.notes.failed == 1; });
  CHECK(call(*session, "say").result);
}

TEST_CASE("while a connection is made anew asynchronous calls end in time", "[client]") {
  FakeServer server(echo);
  server.set_ttl(3600);
  Notes notes;
  client::SessionPlan plan{
      *client::parse_address(server.address()), {.connect_timeout = std::chrono::hours(1)}, {}};
  auto session = *Session::open(plan, notes, 1, {}, client::wait_patiently);
  server.mute();
  server.cut();
  server.wait_heard("session.resume", 1);
  static_cast<void>(session->start(asynchronous("say", "x", deadline_in(5ms))));
  notes.wait_until([&] { return notes.failed == 1; });
  // Nor does the end wait for the connection, and what is outstanding is told before.
  static_cast<void>(session->start(asynchronous("say")));
  session->stop();
  CHECK(notes.failed == 2);
}

TEST_CASE("a pipeline leaves alone what was done in another session", "[client]") {
  FakeServer server(
      [](const Heard& heard) { return heard.method == "slow" ? Answer{} : echo(heard); });
  const Opened session(server);
  static_cast<void>(session->start(asynchronous("slow")));
  std::vector<std::unique_ptr<OwnedSlot>> calls;
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

TEST_CASE("a pipeline's calls go out in order and each gets its own answer", "[client]") {
  FakeServer server(echo);
  const Opened session(server);
  std::vector<std::unique_ptr<OwnedSlot>> calls;
  for (int i = 0; i < 1'500; ++i) calls.push_back(asynchronous("say", std::to_string(i)));
  session->run(calls);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    REQUIRE(calls[i]->done);
    REQUIRE_FALSE(calls[i]->error);
    CHECK(*unpack<std::string>(calls[i]->result) == std::to_string(i));
  }
}

TEST_CASE("notices reach the watcher although nobody calls", "[client]") {
  std::string notice;
  FakeServer server([&](const Heard& heard) {
    Answer answer = echo(heard);
    begin_msgpack_notification("notice", 1, notice);
    notice += pack(std::map<std::string, any>{{"kind", "watch"}}).bytes();
    answer.bytes += notice;
    return answer;
  });
  Opened session(server);
  session->expect_notices();
  CHECK(call(*session, "say").result);
  session.notes.wait_until([&] { return session.notes.notices.size() == 1; });
}

TEST_CASE("an idle session gives a sign of life, and stays certain", "[client]") {
  FakeServer server(echo);
  server.set_ttl(0.06);
  const Opened session(server);
  server.wait_heard("session.ping", 3);
  CHECK(server.connections() >= 1);
}

TEST_CASE("an idle session notices the end of its connection, and makes another", "[client]") {
  FakeServer server([](const Heard& heard) {
    return heard.notification ? Answer{{}, true} : echo(heard);
  });
  const Opened session(server);
  auto bye = asynchronous("bye");
  static_cast<void>(call(*session, "say"));
  server.cut();
  server.wait_heard("session.resume", 1);
  CHECK(call(*session, "say").result);
  CHECK(session->certain());
}

TEST_CASE("a call that the other side does not take in time is known not to be done", "[client]") {
  std::mutex gate;
  FakeServer server([&](const Heard& heard) {
    if (heard.method == "stop") const std::lock_guard wait(gate);
    return echo(heard);
  });
  const Opened session(server);
  {
    const std::lock_guard closed(gate);
    static_cast<void>(session->start(asynchronous("stop")));
    auto outcome =
        call(*session, "say", Effect::changes, deadline_in(20ms), std::string(4'000'000, 'x'));
    REQUIRE_FALSE(outcome.result);
    CHECK(outcome.result.error().done == Done::no);
  }
  CHECK(call(*session, "say").result);
  CHECK(calls_of(server, "say").size() == 1);
}

TEST_CASE("a writer reads what others were told while it waits", "[client]") {
  // The server does not read on until its large answer has been taken.
  FakeServer server([](const Heard& heard) {
    if (heard.method == "late") return Answer{reply_bytes(heard.id, std::string(8'000'000, 'y'))};
    return Answer{reply_bytes(heard.id, "done")};
  });
  const Opened session(server);
  CHECK_FALSE(call(*session, "late", Effect::reads, deadline_in(0ms)).result);
  const auto outcome =
      call(*session, "say", Effect::changes, deadline_in(60s), std::string(4'000'000, 'x'));
  REQUIRE(outcome.result);
  CHECK(*unpack<std::string>(*outcome.result) == "done");
}
