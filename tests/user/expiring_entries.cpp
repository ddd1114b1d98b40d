// SPDX-License-Identifier: MIT

// Entries of a dict that end by themselves, watches of single entries, and watches of names.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

using namespace std::chrono_literals;

namespace {

/// Collects the notices that a callback gets, and lets the test wait for them.
template <typename T>
class Received {
 public:
  void add(const T& notice) {
    const std::lock_guard guard(mutex_);
    all_.push_back(notice);
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

using Changes = Received<agora::object_change>;

/// A membership list: each worker has an entry that ends with its session.
void members(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("members");
  Changes changes;
  const auto watch = d.watch("w1", [&](const agora::object_change& each) { changes.add(each); });
  const auto ready = m.event();
  agora::process worker([=] {
    d.insert_or_assign("w1", 1, {.ephemeral = true});
    d.insert_or_assign("other", 2);
    ready.set();
    m.event("never").wait();
  });
  ready.wait();
  USER_CHECK(d.at("w1") == 1 && !d.ttl("w1"));
  worker.kill();
  const auto heard = changes.wait_for(2);
  USER_CHECK(heard[0].method == "dict.set" && heard[0].key == agora::any("w1"));
  USER_CHECK(heard[1].method == "session.close" && heard[1].key == agora::any("w1"));
  USER_CHECK(!d.contains("w1") && d.contains("other"));
}

void times(const agora::manager& m) {
  const auto d = m.dict<std::string, int>("times");
  Changes changes;
  const auto watch = d.watch("short", [&](const agora::object_change& each) { changes.add(each); });
  d.insert_or_assign("short", 1, {.ttl = 20ms});
  d.insert_or_assign("long", 2, {.ttl = 1h});
  USER_CHECK(d.ttl("long") > 3500s && d.ttl("long") <= 1h);
  USER_CHECK(changes.wait_for(2)[1].method == "dict.expire" && !d.find("short"));
  USER_CHECK(d.expire("long", 2h) && d.ttl("long") > 1h);
  USER_CHECK(d.persist("long") && !d.ttl("long"));
  USER_CHECK(!d.persist("absent") && !d.expire("absent", 1s));
  USER_THROWS(static_cast<void>(d.ttl("absent")), agora::key_error);
  USER_THROWS(d.expire("long", -1s), agora::value_error);
  USER_THROWS(d.insert_or_assign("long", 3, {.ttl = -1s}), agora::value_error);
  USER_CHECK(d["long"] == 2 && d.expire("long", 0s) && !d.contains("long"));
  // The asynchronous forms.
  d.async_insert_or_assign("a", 1, {.ttl = 1h, .ephemeral = true}, asio::use_future).get();
  USER_CHECK(d.async_ttl("a", asio::use_future).get() > 3500s);
  USER_CHECK(d.async_expire("a", 2h, asio::use_future).get());
  USER_CHECK(d.async_persist("a", asio::use_future).get());
  USER_CHECK(!d.async_ttl("a", asio::use_future).get());
  m.atomically([&](agora::transaction& t) { t.set(d, "t", 1, {.ttl = 1h, .ephemeral = true}); });
  USER_CHECK(d.ttl("t") > 3500s);
}

void entries(const agora::manager& m) {
  const auto s = m.set<int>("numbers");
  const auto n = m.namespace_("config");
  Changes of_set;
  Changes of_name;
  Changes all;
  auto first = s.watch(7, [&](const agora::object_change& each) { of_set.add(each); });
  auto second = n.watch("port", [&](const agora::object_change& each) { of_name.add(each); });
  auto third = s.watch([&](const agora::object_change& each) { all.add(each); });
  s.insert(6);
  s.insert(7);
  s.clear();
  n.set("host", "h");
  n.set("port", 80);
  USER_CHECK(of_set.wait_for(2)[1].method == "set.clear");
  USER_CHECK(all.wait_for(3)[2].method == "set.clear" && !all.wait_for(3)[2].key);
  USER_CHECK(of_name.wait_for(1)[0].key == agora::any("port"));
  // Each of the two watches ends alone.
  first.end();
  s.insert(7);
  USER_CHECK(all.wait_for(4).size() == 4 && of_set.wait_for(2).size() == 2);
  // The end of the object is the last notice of all its watches.
  first = s.watch(7, [&](const agora::object_change& each) { of_set.add(each); });
  m.remove("numbers");
  USER_CHECK(of_set.wait_for(3)[2].method == "object.delete");
  USER_CHECK(all.wait_for(5)[4].method == "object.delete");
  // A new object of that name is another object: the old subscriptions hear nothing of it.
  Changes of_new;
  const auto again = m.set<int>("numbers");
  const auto fourth = again.watch([&](const agora::object_change& each) { of_new.add(each); });
  again.insert(7);
  USER_CHECK(of_new.wait_for(1)[0].version > all.wait_for(5)[4].version);
  m.remove("numbers");
  of_new.wait_for(2);
  USER_CHECK(all.wait_for(5).size() == 5 && of_set.wait_for(3).size() == 3);
  USER_THROWS(static_cast<void>(n.watch("x", {}),
                                m.dict<agora::any>("d").watch(
                                    agora::any(std::map<std::string, int>{{"a", 1}}), {})),
              agora::type_error);
}

void names(const agora::manager& m) {
  Received<agora::name_change> jobs;
  Received<agora::name_change> dicts;
  auto first = m.watch_names("job*", [&](const agora::name_change& each) { jobs.add(each); });
  auto second = m.watch_names(
      "*", [&](const agora::name_change& each) { dicts.add(each); }, "dict");
  m.list("job1");
  m.dict("job2");
  m.dict("other");
  m.dict();
  m.remove("job1");
  using Kind = agora::name_change::Kind;
  const auto heard = jobs.wait_for(3);
  USER_CHECK(heard[0].kind == Kind::created && heard[0].name == "job1" && heard[0].type == "list");
  USER_CHECK(heard[1].kind == Kind::created && heard[1].name == "job2");
  USER_CHECK(heard[2].kind == Kind::deleted && heard[2].name == "job1" && heard[2].type == "list");
  USER_CHECK(dicts.wait_for(2)[1].name == "other");
  first.end();
  m.dict("job3");
  USER_CHECK(dicts.wait_for(3)[2].name == "job3" && jobs.wait_for(3).size() == 3);
  USER_THROWS(static_cast<void>(m.watch_names("*", {}, "nosuch")), agora::value_error);
  const auto sessions = m.call<std::vector<std::map<std::string, agora::any>>>("server.sessions");
  m.call<void>("server.end_session", sessions.front().at("id"));
  USER_CHECK(dicts.wait_for(4)[3].kind == Kind::lost);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    members(m);
    times(m);
    entries(m);
    names(m);
  });
}
