// SPDX-License-Identifier: MIT

// Sessions in shared memory that are lost: owners learn that their locks are lost, and take them
// anew only after that. And sessions that survive although the server is unreachable for a while.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include <agora/agora.hpp>

#include "tests/user/own_server.hpp"
#include "tests/user/shared_world.hpp"

using namespace std::chrono_literals;

namespace {

/// Short, but not so short that a slow program seems dead.
constexpr std::chrono::seconds kTtl{user::kSanitized ? 5 : 1};

/// Ends the sessions of that client name.
void end_sessions_named(const agora::manager& admin, const std::string& client) {
  for (auto& row : admin.call<user::Rows>("server.sessions")) {
    const auto name = row["client"].get<std::string>();
    if (!name || *name != client) continue;
    admin.call<void>("server.end_session", *row["id"].get<std::string>());
  }
}

std::uint64_t calls(const agora::manager& m) {
  auto stats = m.call<std::map<std::string, agora::any>>("server.stats");
  return *stats["calls"].get<std::uint64_t>();
}

/// Returns whether `step` makes no call. Tries again, as heartbeats and the like may come between.
bool makes_no_call(const agora::manager& counting, const std::function<void()>& step) {
  for (int tries = 0; tries < 5; ++tries) {
    const std::uint64_t before = calls(counting);
    const std::uint64_t alone = calls(counting) - before;
    step();
    if (calls(counting) == before + 2 * alone) return true;
  }
  return false;
}

void lost_locks_are_told(const agora::manager& admin) {
  const agora::manager mine(admin.address(), {.client = "mine"});
  const auto rlock = mine.rlock("inner");
  const auto lock = mine.lock("plain");
  std::atomic<int> told{0};
  rlock.on_lost([&] { ++told; });
  lock.on_lost([&] { ++told; });
  rlock.lock(), rlock.unlock(), lock.lock(), lock.unlock();
  rlock.lock(), rlock.lock(), lock.lock();
  const std::uint64_t token = lock.token();
  USER_CHECK(rlock.held() && lock.held());
  end_sessions_named(admin, "mine");
  while (told < 2) {
  }
  // There is a new session by now, in which the lock is lent and free.
  USER_CHECK(mine.ping());
  USER_CHECK(!rlock.held() && !lock.held());
  for (const agora::recursive_mutex& again : {rlock, mine.rlock("inner")}) {
    USER_THROWS(again.lock(), agora::session_lost);
    USER_THROWS(again.try_lock(), agora::session_lost);
  }
  rlock.unlock();
  USER_THROWS(rlock.lock(), agora::session_lost);
  USER_THROWS(rlock.release(), agora::session_lost);
  USER_CHECK(lock.token() == token);
  USER_THROWS(lock.release(), agora::session_lost);
  for (int lap = 0; lap < 3; ++lap) {
    rlock.lock(), lock.lock();
    USER_CHECK(rlock.held() && lock.held() && lock.token() > token);
    rlock.release(), lock.release();
  }
  USER_THROWS(lock.release(), agora::not_locked);
  USER_CHECK(
      makes_no_call(admin, [&] { rlock.lock(), rlock.unlock(), lock.lock(), lock.unlock(); }));
  USER_CHECK(told == 2);
}

/// A plain lock that was lost may be taken anew, and is then held like any other.
void taken_anew(const agora::manager& admin) {
  const agora::manager mine(admin.address(), {.client = "mine"});
  const auto lock = mine.lock("anew");
  std::atomic<bool> told{false};
  lock.on_lost([&] { told = true; });
  lock.lock(), lock.unlock(), lock.lock();
  end_sessions_named(admin, "mine");
  while (!told) {
  }
  lock.lock();
  USER_CHECK(lock.held());
  lock.release();
  USER_THROWS(lock.release(), agora::not_locked);
}

/// A waiting call does not keep other operations from the fast path.
void waiting_calls(const agora::manager& admin) {
  const agora::manager mine(admin.address());
  const auto q = mine.queue<int>("empty");
  const auto d = mine.dict<std::string, int>("d", {{"a", 1}});
  const auto lock = mine.lock("beside");
  const auto count = mine.value<int>("count");
  std::promise<int> came;
  q.async_pop([&](std::exception_ptr error, int item) {
    USER_CHECK(!error);
    came.set_value(item);
  });
  const auto use = [&] {
    lock.lock();
    count.store(d.at("a"));
    lock.unlock();
    USER_CHECK(q.size() == 0);
  };
  use();
  USER_CHECK(makes_no_call(admin, use));
  // Behind an asynchronous call that does not wait every operation is a call until its reply.
  for (int i = 0; i < 100; ++i) {
    d.async_insert_or_assign("a", i,
                             [](std::exception_ptr error, auto&&...) { USER_CHECK(!error); });
    USER_CHECK(d.at("a") == i);
  }
  q.push(7);
  USER_CHECK(came.get_future().get() == 7);
}

/// A proxy of a deleted object finds it again, without calls, once it is created anew.
void made_later(const agora::manager& admin) {
  const agora::manager mine(admin.address());
  const auto d = mine.dict<std::string, int>("later");
  USER_CHECK(admin.remove("later"));
  USER_THROWS(d.contains("a"), agora::not_found);
  admin.dict<std::string, int>("later", {{"a", 1}});
  while (!makes_no_call(admin, [&] { USER_CHECK(d.at("a") == 1); })) {
  }
}

/// Cuts all connections of this process to the Unix socket of that path.
void cut(const std::string& path) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sockaddr_un peer{};
    socklen_t size = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) continue;
    if (peer.sun_family == AF_UNIX && peer.sun_path == path) ::shutdown(fd, SHUT_RDWR);
  }
}

/// While the socket is unreachable a session without shared memory is given up after its ttl. A
/// session that shares memory lasts as long as the server lives, and still has its locks
/// afterwards.
void out_of_reach() {
  const user::OwnServer server;
  const std::string path = server.unix_address().substr(5);
  const agora::manager mapped(server.unix_address(), {.ttl = kTtl});
  const agora::manager plain(server.unix_address(), {.ttl = kTtl, .shared_memory = false});
  const agora::manager far(server.tcp_address());
  const auto kept = mapped.lock("kept");
  const auto lost = plain.lock("lost");
  std::atomic<bool> told{false};
  kept.on_lost([] { USER_FAIL("it is kept"); });
  lost.on_lost([&] { told = true; });
  kept.lock(), lost.lock();
  USER_CHECK(mapped.transport() == "shared memory");
  const std::uint64_t token = kept.token();
  // Not only the socket, which the server would make again.
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::rename(folder, folder.string() + "-");
  cut(path);
  while (!told) {
  }
  USER_CHECK(!kept.held());
  // If this session had been given up, that would be over by now: both were cut at once.
  USER_CHECK(!far.lock("kept").try_lock_for(1s));
  std::filesystem::rename(folder.string() + "-", folder);
  while (!kept.held()) {
  }
  USER_CHECK(kept.token() == token);
  USER_CHECK(!far.lock("kept").try_lock());
  kept.release();
  USER_CHECK(far.lock("kept").try_lock() && !far.lock("kept").owner_died());
}

/// The server is dead and no other starts: the session is lost.
void dead_server() {
  auto server = std::make_unique<user::OwnServer>();
  const agora::manager mapped(server->unix_address(), {.ttl = kTtl});
  const auto lock = mapped.lock("gone");
  std::atomic<bool> told{false};
  lock.on_lost([&] { told = true; });
  lock.lock(), lock.unlock(), lock.lock();
  server.reset();
  while (!told) {
  }
  USER_CHECK(!lock.held());
  USER_THROWS(lock.release(), agora::session_lost);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    lost_locks_are_told(m);
    taken_anew(m);
    waiting_calls(m);
    made_later(m);
    out_of_reach();
    dead_server();
  });
}
