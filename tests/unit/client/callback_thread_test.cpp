// SPDX-License-Identifier: MIT

// The callback thread, and the case that the system cannot start threads.

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

/// Makes every start of a thread fail while it lives: the default stack exceeds the address space.
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

TEST_CASE("callback thread: all jobs run, in the order of posting", "[client]") {
  std::vector<int> ran;
  {
    CallbackThread callbacks;
    callbacks.post([&](bool) { ran.push_back(0); });
    REQUIRE(callbacks.start());
    REQUIRE(callbacks.start());
    for (int i = 1; i < 1'000; ++i) {
      callbacks.post([&, i](bool owner_lives) {
        if (owner_lives) ran.push_back(i);
      });
    }
    callbacks.stop();
  }
  REQUIRE(ran.size() == 1'000);
  for (int i = 0; i < 1'000; ++i) CHECK(ran[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("callback thread: jobs of a thread that was never started run when it is stopped",
          "[client]") {
  CallbackThread callbacks;
  bool ran = false;
  callbacks.post([&](bool) { ran = true; });
  CHECK_FALSE(ran);
  callbacks.stop();
  CHECK(ran);
}

TEST_CASE("callback thread: a job behind the one that ended the owner is told so", "[client]") {
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

TEST_CASE("manager: without threads it throws unavailable, and works once there are some",
          "[client]") {
  FakeServer server([](const Received& request) -> FakeReply {
    if (request.notification) return {};
    if (request.method == "object.create") return {reply_bytes(request.id, reference{"l"})};
    return {reply_bytes(request.id, "pong")};
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
