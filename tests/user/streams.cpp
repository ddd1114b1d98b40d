// SPDX-License-Identifier: MIT

// pipes between processes, topics and watches.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

/// Collects the values that callbacks get, and lets the test wait for them.
template <typename T>
class Received {
 public:
  void add(T what) {
    const std::lock_guard guard(mutex_);
    all_.push_back(std::move(what));
    changed_.notify_all();
  }
  std::vector<T> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return all_.size() >= count; });
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> all_;
};

void two_processes(const agora::manager& m) {
  const auto p = m.pipe<std::string>();
  agora::process child([end = p.second()] {
    while (true) {
      try {
        end.send(end.receive() + "!");
      } catch (const agora::end_of_stream&) {
        return;
      }
    }
  });
  const auto mine = p.first();
  for (int i = 0; i < 20; ++i) {
    mine.send(std::to_string(i));
    USER_CHECK(mine.receive() == std::to_string(i) + "!");
  }
  USER_CHECK(!mine.poll() && !mine.poll_for(1ms) && !mine.receive_for(1ms));
  USER_CHECK(mine.send_for("last", 1h) && mine.receive_for(1h) == "last!");
  mine.close();
  child.join();
  USER_CHECK(child.exit_code() == 0);
}

void ends(const agora::manager& m) {
  // A child that dies closes its end; the values that it sent are still there.
  const auto p = m.pipe<int>("p", false);
  const auto sent = m.event();
  agora::process child([=, end = p.second()] {
    end.send(1);
    sent.set();
    m.event("never").wait();
  });
  sent.wait();
  USER_CHECK(p.first().poll());
  child.kill();
  USER_CHECK(p.first().receive() == 1);
  USER_THROWS(p.first().receive(), std::runtime_error);
  USER_CHECK(p.first().poll());
  USER_THROWS(m.pipe<int>("", false).first().send(1), agora::value_error);
  const auto q = m.pipe<int>();
  auto coming = q.first().async_receive(asio::use_future);
  q.second().async_send(7, asio::use_future).get();
  USER_CHECK(coming.get() == 7);
}

void subscribers(const agora::manager& m) {
  const auto news = m.topic<std::string>("news");
  USER_CHECK(!news.last() && news.publish("to nobody") == 0);
  Received<std::string> first;
  Received<std::string> second;
  Received<std::string> missed;
  auto one = news.subscribe([&](const std::string& text) { first.add(text); });
  auto two = news.subscribe([&](const std::string& text) { second.add(text); },
                            [&](const std::string& why) { missed.add(why); });
  agora::process child([=] { USER_CHECK(news.publish("a") == 1); });
  child.join();
  USER_CHECK(child.exit_code() == 0 && second.wait_for(1).front() == "a");
  one.end();
  USER_CHECK(!one && news.publish("b") == 1);
  m.topic<int>("news").publish(3);
  USER_CHECK((second.wait_for(2) == std::vector<std::string>{"a", "b"}));
  USER_CHECK(missed.wait_for(1).front().find("expected text") != std::string::npos);
  two = {};
  USER_CHECK(news.publish("c") == 0 && news.last() == "c" && first.wait_for(1).size() == 1);
  two = news.subscribe([&](const std::string& text) { second.add(text); },
                       [&](const std::string& why) { missed.add(why); });
  USER_CHECK(news.publish("d") == 1 && second.wait_for(3).back() == "d");
  m.remove("news");
  missed.wait_for(2);
}

void watchers(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("watched");
  Received<agora::object_change> changes;
  auto watch = d.watch([&](const agora::object_change& change) { changes.add(change); });
  agora::process child([=] {
    d["a"] = 1;
    d["a"] += 1;
    d.clear();
  });
  child.join();
  const auto heard = changes.wait_for(3);
  USER_CHECK(heard[0].method == "dict.set" && heard[0].key == agora::any("a"));
  USER_CHECK(heard[1].method == "dict.add" && heard[2].method == "dict.clear" && !heard[2].key);
  USER_CHECK(heard[1].version == heard[0].version + 1 && heard[2].version == heard[0].version + 2);
  watch.end();
  d["b"] = 1;
  // A new subscription gets only later values.
  watch = d.watch([&](const agora::object_change& change) { changes.add(change); });
  m.remove("watched");
  const auto all = changes.wait_for(4);
  USER_CHECK(all.size() == 4 && all[3].method == "object.delete");
  USER_THROWS(static_cast<void>(d.watch([](const agora::object_change&) {})), agora::not_found);
}

/// A subscription ends with the session, with a last notice.
void session_ends(const agora::manager& m) {
  const agora::manager other(m.address());
  const auto c = other.counter("c");
  Received<agora::object_change> changes;
  const auto watch = c.watch([&](const agora::object_change& change) { changes.add(change); });
  c.add();
  USER_CHECK(changes.wait_for(1)[0].kind == agora::object_change::Kind::change);
  const auto sessions = m.call<std::vector<std::map<std::string, agora::any>>>("server.sessions");
  USER_CHECK(sessions.size() == 2);
  m.call<void>("server.end_session", sessions.back().at("id"));
  USER_CHECK(changes.wait_for(2)[1].kind == agora::object_change::Kind::lost);
  USER_CHECK(c == 1);  // in a new session
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    two_processes(m);
    ends(m);
    subscribers(m);
    watchers(m);
    session_ends(m);
  });
}
