// SPDX-License-Identifier: MIT

// Cancelling asynchronous calls as Asio does: by the cancellation slot of the handler. Nothing is
// taken by a call that was cancelled. And the other things that are associated with a handler: its
// executor, told by the associator traits too, and its allocator.
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <asio.hpp>
#include <asio/experimental/append.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/awaitable_operators.hpp>

#include <agora/agora.hpp>

#include "tests/user/cutting_proxy.hpp"

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using asio::cancellation_type;

namespace {

/// A handler whose executor is told by the associator trait, as those of Asio's adapters are.
struct OnLoop {
  asio::io_context* loop;
  std::thread::id* ran;
  void operator()(std::exception_ptr, int) const { *ran = std::this_thread::get_id(); }
};

std::size_t allocated = 0;
template <typename T>
struct CountingAllocator {
  using value_type = T;
  CountingAllocator() = default;
  template <typename U>
  CountingAllocator(const CountingAllocator<U>&) {}
  T* allocate(std::size_t count) {
    allocated += count * sizeof(T);
    return std::allocator<T>{}.allocate(count);
  }
  void deallocate(T* at, std::size_t count) { std::allocator<T>{}.deallocate(at, count); }
  bool operator==(const CountingAllocator&) const = default;
};

}  // namespace

template <typename Default>
struct asio::associated_executor<OnLoop, Default> {
  using type = asio::io_context::executor_type;
  static type get(const OnLoop& handler, const Default& = Default()) noexcept {
    return handler.loop->get_executor();
  }
};

namespace {

std::size_t waits(const agora::manager& m) {
  return m.call<std::vector<agora::any>>("server.waits").size();
}

void wait_for_waits(const agora::manager& m, std::size_t count) {
  while (waits(m) != count) std::this_thread::yield();
}

/// Starts a waiting call, cancels it, and checks that it was cancelled without an effect.
/// @param start  takes a completion token
template <typename Start>
void cancel_one(const agora::manager& m, cancellation_type type, Start start) {
  asio::io_context loop;
  asio::cancellation_signal signal;
  bool ran = false;
  start(asio::bind_cancellation_slot(
      signal.slot(), asio::bind_executor(loop, [&](std::exception_ptr error, const auto&...) {
        ran = true;
        try {
          if (error) std::rethrow_exception(error);
          USER_FAIL("a cancelled call succeeded");
        } catch (const agora::cancelled& caught) {
          USER_CHECK(caught.done() == agora::Done::no);
        }
      })));
  USER_CHECK(signal.slot().has_handler());
  wait_for_waits(m, 1);
  signal.emit(type);
  loop.run();
  USER_CHECK(ran);
  USER_CHECK(!signal.slot().has_handler());
  USER_CHECK(waits(m) == 0);
}

void every_waiting_call(const agora::manager& m) {
  const auto q = m.queue<int>("q");
  const auto full = m.queue<int>("full", {.maxsize = 1});
  full.push(1);
  const auto held = m.lock("held");
  held.lock();
  const auto shared = m.rwlock("shared");
  shared.lock();
  const auto none = m.semaphore("none", 0);
  const auto flag = m.event("flag");
  const auto gate = m.barrier("gate", 2);
  const auto count = m.latch("count", 1);
  const auto number = m.counter("number");
  const auto d = m.dict<std::string, int>("d");
  const auto left = m.pipe<int>("pipe").first();
  for (const auto type :
       {cancellation_type::terminal, cancellation_type::partial, cancellation_type::total}) {
    cancel_one(m, type, [&](auto token) { q.async_pop(token); });
    cancel_one(m, type, [&](auto token) { q.async_pop_for(1h, token); });
    cancel_one(m, type, [&](auto token) { q.async_pop_many_for(3, 1h, token); });
    cancel_one(m, type, [&](auto token) { q.async_reserve(token); });
    cancel_one(m, type, [&](auto token) { q.async_reserve_for(1h, token); });
    cancel_one(m, type, [&](auto token) { full.async_push(2, token); });
    cancel_one(m, type, [&](auto token) { full.async_push_for(2, 1h, token); });
    cancel_one(m, type, [&](auto token) { full.async_join(token); });
    cancel_one(m, type, [&](auto token) { held.async_lock(token); });
    cancel_one(m, type, [&](auto token) { held.async_try_lock_for(1h, token); });
    cancel_one(m, type, [&](auto token) { shared.async_lock_shared(token); });
    cancel_one(m, type, [&](auto token) { none.async_acquire(1, token); });
    cancel_one(m, type, [&](auto token) { flag.async_wait(token); });
    cancel_one(m, type, [&](auto token) { count.async_wait(token); });
    cancel_one(m, type, [&](auto token) { number.async_wait_at_least(1, token); });
    cancel_one(m, type, [&](auto token) { d.async_wait_for("k", 1h, token); });
    cancel_one(m, type, [&](auto token) { left.async_receive(token); });
  }
  cancel_one(m, cancellation_type::terminal,
             [&](auto token) { gate.async_arrive_and_wait(token); });
  USER_CHECK(full.size() == 1);
  held.unlock();
  USER_CHECK(held.try_lock());  // no cancelled call has it
  held.unlock();
  shared.unlock();
}

/// The item of a pop that has lost its race stays in the queue.
void either(const agora::manager& m) {
  asio::io_context loop;
  const auto q = m.queue<int>("race");
  bool done = false;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        asio::steady_timer timer(loop, 20ms);
        const auto won =
            co_await (q.async_pop(asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
        USER_CHECK(won.index() == 1);
        done = true;
      },
      asio::detached);
  loop.run();
  USER_CHECK(done);
  q.push(7);
  USER_CHECK(q.size() == 1);
  USER_CHECK(q.pop() == 7);
}

/// A signal that comes together with the item: either the handler has the item, or the queue.
void races(const agora::manager& m) {
  const auto q = m.queue<int>("q");
  const auto other = m.queue<int>("q");
  std::size_t delivered = 0;
  std::size_t left = 0;
  for (int i = 0; i < 300; ++i) {
    asio::io_context loop;
    asio::cancellation_signal signal;
    bool arrived = false;
    q.async_pop(asio::bind_cancellation_slot(
        signal.slot(), asio::bind_executor(loop, [&](std::exception_ptr error, int item) {
          USER_CHECK(error || item == i);
          arrived = !error;
        })));
    std::thread producer([&] { other.push(i); });
    if (i % 3 == 0) std::this_thread::yield();
    signal.emit(i % 2 == 0 ? cancellation_type::terminal : cancellation_type::total);
    loop.run();
    producer.join();
    arrived ? ++delivered : ++left;
    USER_CHECK(arrived ? !q.pop_for(0s) : q.pop_for(10s) == i);
  }
  std::printf("races: %zu delivered, %zu left in the queue\n", delivered, left);
}

void without_connection(const agora::manager& server) {
  user::CuttingProxy way(server.address());
  const agora::manager m(way.address(), {.ttl = 3600s, .deadline = 50s, .shared_memory = false});
  const auto q = m.queue<int>("cut");
  const auto d = m.dict<std::string, int>("cut dict");
  asio::io_context loop;
  asio::cancellation_signal pop;
  asio::cancellation_signal set;
  int ran = 0;
  const auto cancelled = [&](agora::Done done) {
    return [&ran, done](std::exception_ptr error, const auto&...) {
      ++ran;
      try {
        std::rethrow_exception(error);
      } catch (const agora::cancelled& caught) {
        USER_CHECK(caught.done() == done);
      }
    };
  };
  q.async_pop(asio::bind_cancellation_slot(pop.slot(),
                                           asio::bind_executor(loop, cancelled(agora::Done::no))));
  wait_for_waits(server, 1);
  way.shut();
  pop.emit(cancellation_type::terminal);
  loop.run();  // ends once the client has noticed that its connection is gone
  USER_CHECK(ran == 1);
  loop.restart();
  d.async_insert_or_assign("k", 1,
                           asio::bind_cancellation_slot(
                               set.slot(), asio::bind_executor(loop, cancelled(agora::Done::no))));
  set.emit(cancellation_type::total);  // not sent yet
  loop.run();
  USER_CHECK(ran == 2);
  server.queue<int>("cut").push(5);
  way.open();
  USER_CHECK(server.queue<int>("cut").pop_for(50s) == 5);
  USER_CHECK(!server.dict<std::string, int>("cut dict").contains("k"));
}

void many(const agora::manager& m) {
  constexpr int kCount = 20'000;
  const auto q = m.queue<int>("many");
  asio::io_context loop;
  std::vector<asio::cancellation_signal> signals(kCount);
  int cancelled = 0;
  for (auto& signal : signals) {
    q.async_pop(asio::bind_cancellation_slot(
        signal.slot(),
        asio::bind_executor(loop, [&](std::exception_ptr error, int) { cancelled += !!error; })));
  }
  for (auto& signal : signals) signal.emit(cancellation_type::all);
  loop.run();
  USER_CHECK(cancelled == kCount);
  USER_CHECK(waits(m) == 0);
}

void executors(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("numbers", {{"a", 1}});
  asio::io_context loop;
  std::thread::id ran;
  d.async_at("a", OnLoop{&loop, &ran});
  loop.run();
  USER_CHECK(ran == std::this_thread::get_id());

  loop.restart();
  ran = {};
  d.async_at("a", asio::experimental::append(
                      asio::bind_executor(loop,
                                          [&](std::exception_ptr, int value, int more) {
                                            USER_CHECK(value == 1 && more == 5);
                                            ran = std::this_thread::get_id();
                                          }),
                      5));
  loop.run();
  USER_CHECK(ran == std::this_thread::get_id());

  loop.restart();
  ran = {};
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        const auto [error, value] =
            co_await d.async_at("a", asio::experimental::as_tuple(asio::use_awaitable));
        USER_CHECK(!error && value == 1);
        ran = std::this_thread::get_id();
      },
      asio::detached);
  loop.run();
  USER_CHECK(ran == std::this_thread::get_id());
}

void allocators(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("numbers", {{"a", 1}});
  asio::io_context loop;
  bool ran = false;
  d.async_at("a", asio::bind_allocator(
                      CountingAllocator<int>{},
                      asio::bind_executor(loop, [&](std::exception_ptr, int) { ran = true; })));
  loop.run();
  USER_CHECK(ran && allocated > 0);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    executors(m);
    allocators(m);
    for (const bool shared_memory : {true, false}) {
      const agora::manager client(m.address(), {.shared_memory = shared_memory});
      every_waiting_call(client);
      either(client);
      races(client);
      many(client);
      for (const char* name : {"q", "full", "held", "shared", "none", "flag", "gate", "count",
                               "number", "d", "pipe", "race", "many"}) {
        m.remove(name);
      }
    }
    without_connection(m);
  });
}
