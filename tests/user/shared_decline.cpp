// SPDX-License-Identifier: MIT

// If memory cannot be shared the same program makes calls: by choice, over TCP or through a proxy,
// without address space for a mapping, without descriptors, with forbidden system calls.
#include <atomic>
#include <cstddef>
#include <functional>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mutex>
#include <pthread.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/cutting_proxy.hpp"
#include "tests/user/own_server.hpp"
#include "tests/user/shared_world.hpp"

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::string told_of_me(const agora::manager& m) {
  for (auto& row : m.call<user::Rows>("server.sessions")) {
    if (*row["client"].get<std::string>() == "program") return *row["transport"].get<std::string>();
  }
  return "nobody";
}

/// Uses one operation of each kind that has a fast path in shared memory.
void program(const agora::manager& m) {
  const auto d = m.dict<std::string, int>();
  const auto l = m.list<int>();
  const auto s = m.set<int>();
  const auto q = m.queue<int>();
  const auto e = m.event();
  const auto v = m.value<long>();
  const auto a = m.array<int>("", 8);
  const auto lock = m.lock();
  const auto rlock = m.rlock();
  const auto work = [&] {
    for (int i = 0; i < 100; ++i) {
      const std::lock_guard guard(lock);
      v.store(v.load() + 1);
      a.store(i % 8, i);
      d.insert_or_assign("key " + std::to_string(i), i);
    }
  };
  std::thread other(work);
  work();
  other.join();
  USER_CHECK(v.load() == 200 && a.load(3) == 99 && d.size() == 100 && d.at("key 7") == 7);
  l.push_back(1), s.insert(2), q.push(3), e.set();
  USER_CHECK(l.at(0) == 1 && s.contains(2) && q.size() == 1 && e.is_set());
  const std::scoped_lock both(rlock, lock);
  rlock.lock();
  USER_CHECK(lock.held() && rlock.held() && lock.token() > 0);
  rlock.unlock();
}

/// Runs the program, and checks the transport that manager and server report.
std::string run_program(const std::string& address, agora::manager_options options = {}) {
  options.client = "program";
  const agora::manager m(address, options);
  program(m);
  USER_CHECK(told_of_me(m) == m.transport());
  return std::string(m.transport());
}

/// Runs in a child, since limits cannot be raised again. The exit code is the result.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(user::run([&] { _exit(body()); }));
  int status = 0;
  USER_CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
  return WEXITSTATUS(status);
}
constexpr int kFailed = 1;
constexpr int kShared = 10;
constexpr int kCalls = 11;
constexpr int kRefused = 12;
int code_of(const std::string& transport) {
  return transport == "shared memory" ? kShared : transport == "unix" ? kCalls : kFailed;
}

void limit(__rlimit_resource what, std::size_t value) {
  const rlimit both{value, value};
  USER_CHECK(setrlimit(what, &both) == 0);
}

std::size_t address_space() {
  std::ifstream sizes("/proc/self/statm");
  std::size_t pages = 0;
  sizes >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Limits the address space of the child. Its threads get small stacks, only from now on.
void allow_only(std::size_t more) {
  pthread_attr_t small;
  USER_CHECK(pthread_attr_init(&small) == 0);
  USER_CHECK(pthread_attr_setstacksize(&small, 256 * 1024) == 0);
  USER_CHECK(pthread_setattr_default_np(&small) == 0);
  limit(RLIMIT_AS, address_space() + more);
}

/// Returns a text of the largest size that is still read in place.
std::string large(int number) {
  return std::string(8'000, static_cast<char>('a' + number % 26)) + std::to_string(number);
}

void fill(const agora::dict<int, std::string>& d, int first, int count) {
  for (int i = first; i < first + count; ++i) d.insert_or_assign(i, large(i));
}
/// Uses words that no process has mapped yet, more than fit into the address space.
void use_many_words(const agora::manager& m) {
  const auto many = m.array<double>("", 4'000'000);
  many.store(3'999'999, 1.5);
  USER_CHECK(many.load(3'999'999) == 1.5 && many.load(0) == 0 && many.add(-1, 1) == 2.5);
  USER_CHECK(many.size() == 4'000'000);
}
void check(const agora::dict<int, std::string>& d, int count) {
  for (int i = 0; i < count; ++i) USER_CHECK(d.at(i) == large(i));
}

/// Makes a system call fail with EPERM, for the whole process and after exec.
void forbid(int call) {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(steps), steps};
  USER_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  USER_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

/// As on a kernel before Linux 6.5, which does not know SO_PEERPIDFD.
void forbid_peer_pidfd() {
  constexpr unsigned kPeerPidfd = 77;
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(SYS_getsockopt), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPeerPidfd, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOPROTOOPT),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{std::size(steps), steps};
  USER_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  USER_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

void by_choice() {
  const user::OwnServer server;
  USER_CHECK(run_program(server.unix_address()) == "shared memory");
  USER_CHECK(run_program(server.unix_address(), {.shared_memory = false}) == "unix");
  USER_CHECK(run_program(server.tcp_address()) == "tcp");
  // As behind a forwarded socket: descriptors are lost on the way.
  const user::CuttingProxy way(server.unix_address());
  USER_CHECK(run_program(way.address()) == "unix");
  const user::OwnServer closed({"--no-shared-memory"});
  USER_CHECK(run_program(closed.unix_address()) == "unix");
}

void without_room() {
  const user::OwnServer server;
  const agora::manager m(server.unix_address());
  const auto d = m.dict<int, std::string>("large");
  const user::Baton mapped;
  const user::Baton grown;
  std::thread grower([&] {
    mapped.await();
    fill(d, 0, 5000);
    grown.give();
  });
  // Later entries do not fit: they are read by calls.
  USER_CHECK(in_child([&] {
               const agora::manager mine(server.unix_address());
               const auto its = mine.dict<int, std::string>("large");
               its.insert_or_assign(0, large(0));
               check(its, 1);
               allow_only(5 * kMiB);
               mapped.give();
               grown.await();
               check(its, 5000);
               use_many_words(mine);
               program(mine);
               return code_of(std::string(mine.transport()));
             }) == kShared);
  grower.join();
  USER_CHECK(in_child([&] {
               allow_only(12 * kMiB);
               const int how = code_of(run_program(server.unix_address()));
               check(agora::manager(server.unix_address()).dict<int, std::string>("large"), 5000);
               return how;
             }) == kCalls);
}

/// With few descriptors no connection is possible, with some more calls are, then memory.
void without_descriptors() {
  const user::OwnServer server;
  fill(agora::manager(server.unix_address()).dict<int, std::string>("large"), 0, 3000);
  int before = kRefused;
  bool all[kRefused + 1] = {};
  for (std::size_t room = user::kSanitized ? 1 : 0; room <= 12; ++room) {
    const int how = in_child([&] {
      closefrom(3);
      limit(RLIMIT_NOFILE, 3 + room);
      try {
        return code_of(run_program(server.unix_address()));
      } catch (const agora::unavailable&) {
        return kRefused;
      }
    });
    USER_CHECK(how >= kShared && how <= before);
    before = how;
    all[how] = true;
  }
  USER_CHECK((all[kRefused] || user::kSanitized) && all[kCalls] && all[kShared]);
}

/// Extents beyond the first few lie on the server's heap: no client sees them.
void server_without_descriptors() {
  const user::OwnServer server({}, [] { limit(RLIMIT_NOFILE, 32); });
  const agora::manager m(server.unix_address());
  USER_CHECK(m.transport() == "shared memory");
  const auto d = m.dict<int, std::string>("large");
  fill(d, 0, 10);
  std::vector<agora::manager> others;
  try {
    for (;;)
      others.emplace_back(server.unix_address(),
                          agora::manager_options{.deadline = std::chrono::seconds(1)});
  } catch (const agora::unavailable&) {
  }
  fill(d, 10, 3990);
  check(d, 4000);
  others.clear();
  use_many_words(m);
  program(m);
  check(d, 4000);
}

void with_forbidden_calls() {
  const user::OwnServer no_memory({}, [] { forbid(SYS_memfd_create); });
  USER_CHECK(run_program(no_memory.unix_address()) == "unix");
  USER_CHECK(in_child([&] {
               const user::OwnServer server;
               forbid(SYS_recvmsg);
               return code_of(run_program(server.unix_address()));
             }) == kCalls);
}

/// A server that cannot detect a death must not lend locks that only a death would free.
void with_unseen_deaths() {
  const user::OwnServer older({}, forbid_peer_pidfd);
  USER_CHECK(run_program(older.unix_address()) == "shared memory");
  const user::OwnServer server({}, [] {
    forbid_peer_pidfd();
    forbid(SYS_pidfd_open);
  });
  USER_CHECK(run_program(server.unix_address()) == "unix");
  const agora::manager m(server.unix_address());
  const auto lock = m.lock("lock");
  agora::process holder([&] {
    const auto mine = agora::manager(server.unix_address(), {.ttl = std::chrono::seconds(1)});
    mine.lock("lock").lock();
    raise(SIGKILL);
  });
  holder.join();
  USER_CHECK(lock.try_lock_for(std::chrono::seconds(60)));
  USER_CHECK(lock.owner_died());
  lock.unlock();
}

}  // namespace

int main() {
  return user::run([] {
    by_choice();
    if (!user::kSanitized) without_room();
    without_descriptors();
    if (!user::kSanitized) server_without_descriptors();
    with_forbidden_calls();
    with_unseen_deaths();
  });
}
