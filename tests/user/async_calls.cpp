// SPDX-License-Identifier: MIT

// Asynchronous calls: callbacks, futures in a plain main, coroutines; each with values and errors;
// and all of that in a forked child.
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <asio.hpp>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

void callbacks(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("d", {{"a", 1}});
  std::promise<int> value;
  std::promise<bool> missing;
  std::promise<std::thread::id> thread;
  d.async_at("a", [&](std::exception_ptr error, int found) {
    USER_CHECK(!error);
    thread.set_value(std::this_thread::get_id());
    value.set_value(found);
  });
  d.async_at("z", [&](std::exception_ptr error, int) {
    USER_THROWS(std::rethrow_exception(error), agora::key_error);
    missing.set_value(true);
  });
  USER_CHECK(value.get_future().get() == 1);
  USER_CHECK(thread.get_future().get() != std::this_thread::get_id());
  USER_CHECK(missing.get_future().get());

  // A handler with an executor of its own runs there, and keeps its context running until then.
  asio::io_context context;
  bool ran = false;
  d.async_insert_or_assign("b", 2, asio::bind_executor(context, [&](std::exception_ptr error) {
                             USER_CHECK(!error);
                             ran = true;
                           }));
  context.run();
  USER_CHECK(ran);
}

void futures(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("d");
  std::vector<std::future<int>> sums;
  for (int i = 0; i < 2'000; ++i) sums.push_back(d.async_add("n", 1, 0, asio::use_future));
  for (int i = 0; i < 2'000; ++i) USER_CHECK(sums[static_cast<std::size_t>(i)].get() == i + 1);
  USER_THROWS(d.async_at("z", asio::use_future).get(), agora::key_error);
  USER_CHECK(d.async_find("z", asio::use_future).get() == std::nullopt);
  USER_CHECK(d.async_erase("n", asio::use_future).get() == 1);

  const auto l = m.list<int>("l");
  l.async_push_back(7, asio::use_future).get();
  USER_CHECK(l.async_copy(asio::use_future).get() == std::vector<int>{7});
  USER_CHECK(l.async_remove(8, asio::use_future).get() == false);
  USER_CHECK(m.value<int>("v", 3).async_add(4, asio::use_future).get() == 7);
  USER_CHECK(m.async_call<std::string>("ping", asio::use_future).get() == "pong");

  // A waiting call does not block other calls.
  const auto q = m.queue<std::string>("q");
  auto item = q.async_pop(asio::use_future);
  USER_CHECK(q.async_pop_for(1ms, asio::use_future).get() == std::nullopt);
  USER_CHECK(q.size() == 0);
  q.push("x");
  USER_CHECK(item.get() == "x");
  const auto flag = m.event("e");
  auto set = flag.async_wait(asio::use_future);
  flag.set();
  USER_CHECK(set.get());
}

asio::awaitable<void> coroutine(const agora::manager& m, bool& done) {
  const auto d = m.dict<std::string, int>("d");
  co_await d.async_insert_or_assign("c", 5, asio::use_awaitable);
  USER_CHECK(co_await d.async_at("c", asio::use_awaitable) == 5);
  bool thrown = false;
  try {
    co_await d.async_at("z", asio::use_awaitable);
  } catch (const agora::key_error& caught) {
    thrown = caught.done() == agora::Done::no;
  }
  USER_CHECK(thrown);
  const agora::lock_grant grant = co_await m.lock("k").async_lock(asio::use_awaitable);
  USER_CHECK(grant && grant.held());
  const auto second = co_await m.lock("k").async_try_lock_for(1ms, asio::use_awaitable);
  USER_CHECK(!second);
  done = true;
}

void coroutines(const agora::manager& m) {
  asio::io_context context;
  bool done = false;
  asio::co_spawn(context, coroutine(m, done), asio::detached);
  context.run();
  USER_CHECK(done);
  m.lock("k").lock();  // the grant released itself
  m.lock("k").unlock();
}

void all(const agora::manager& m) {
  callbacks(m);
  futures(m);
  coroutines(m);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    all(m);
    m.remove("q");
    m.remove("e");
    m.remove("l");
    m.remove("v");
    agora::process child([&] { all(m); });
    child.join();
    USER_CHECK(child.exit_code() == 0);

    // A future outlives all proxies of its manager.
    std::future<int> last;
    {
      const auto d = agora::manager(m.address()).dict<std::string, int>("d");
      last = d.async_get_or("none", 9, asio::use_future);
    }
    USER_CHECK(last.get() == 9);
  });
}
