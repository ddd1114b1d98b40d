// The thread of callbacks, and threads that the system does not give.

#include "client/src/client/callback_thread.hpp"

#include <future>
#include <memory>
#include <optional>
#include <pthread.h>
#include <vector>

#include <agora/agora.hpp>

#include "tests/support/catch.hpp"
#include "tests/unit/client/fake_server.hpp"

using namespace agora;
using detail::CallbackThread;
using test::FakeReply;
using test::FakeServer;
using test::Received;
using test::reply_bytes;

namespace {

/// While it lives no thread can be started: each would want more stack than there are addresses.
class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t huge;
    REQUIRE(pthread_getattr_default_np(&before_) == 0);
    REQUIRE(pthread_getattr_default_np(&huge) == 0);
    REQUIRE(pthread_attr_setstacksize(&huge, std::size_t{1} << 50) == 0);
    REQUIRE(pthread_setattr_default_np(&huge) == 0);
    pthread_attr_destroy(&huge);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

}  // namespace

TEST_CASE("what is posted is told in order, all of it, on one thread", "[client]") {
  std::vector<int> told;
  {
    CallbackThread callbacks;
    callbacks.post([&](bool) { told.push_back(0); });
    REQUIRE(callbacks.start());
    REQUIRE(callbacks.start());
    for (int i = 1; i < 1'000; ++i) {
      callbacks.post([&, i](bool owner_lives) {
        if (owner_lives) told.push_back(i);
      });
    }
    callbacks.stop();
  }
  REQUIRE(told.size() == 1'000);
  for (int i = 0; i < 1'000; ++i) CHECK(told[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("what is posted to a thread that was never needed is told at the end", "[client]") {
  CallbackThread callbacks;
  bool told = false;
  callbacks.post([&](bool) { told = true; });
  CHECK_FALSE(told);
  callbacks.stop();
  CHECK(told);
}

TEST_CASE("a callback that ends its owner is the last that sees it", "[client]") {
  auto callbacks = std::make_unique<CallbackThread>();
  REQUIRE(callbacks->start());
  std::promise<void> all_posted;
  std::promise<bool> later;
  callbacks->post([&](bool) {
    all_posted.get_future().wait();
    callbacks->stop();
    callbacks.reset();
  });
  callbacks->post([&](bool owner_lives) { later.set_value(owner_lives); });
  all_posted.set_value();
  CHECK_FALSE(later.get_future().get());
}

TEST_CASE("a manager that gets no thread says so, and works once there are some", "[client]") {
  FakeServer server([](const Received& heard) -> FakeReply {
    if (heard.notification) return {};
    if (heard.method == "object.create") return {reply_bytes(heard.id, reference{"l"})};
    return {reply_bytes(heard.id, "pong")};
  });
  std::optional<manager> m;
  {
    const NoThreads none;
    CHECK_THROWS_AS(m.emplace(server.address()), unavailable);
  }
  m.emplace(server.address());
  {
    const NoThreads none;
    CHECK_THROWS_AS(m->async_call<std::string>("ping", asio::use_future), unavailable);
    CHECK_THROWS_AS(m->lock("l").on_lost([] {}), unavailable);
    CHECK(m->ping());
  }
  CHECK(m->async_call<std::string>("ping", asio::use_future).get() == "pong");
}
