// SPDX-License-Identifier: MIT

// A program that rewrites every shared byte that it can write spoils only the numbers and locks in
// those bytes: the server lives, and other objects and sessions are unchanged.
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/shared_world.hpp"

using namespace std::chrono_literals;

namespace {

constexpr int kLaps = 1000;

struct Extent {
  std::span<std::byte> bytes;
  bool writable = false;
  std::string range;  ///< in the kernel's notation
};

/// Returns the parts of the server's memory that this process has mapped.
std::vector<Extent> extents() {
  std::vector<Extent> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:agora") == line.npos) continue;
    const std::string range = line.substr(0, line.find(' '));
    std::size_t end = 0;
    const std::size_t from = std::stoul(range, &end, 16);
    const std::size_t to = std::stoul(range.substr(end + 1), nullptr, 16);
    // From a number: the kernel prints the address of the memory.
    found.push_back({{reinterpret_cast<std::byte*>(from), to - from},  // NOLINT
                     line[range.size() + 2] == 'w',
                     range});
  }
  return found;
}

/// Neither the mapping nor its file can be written, shortened or extended.
void cannot_write(const Extent& extent) {
  errno = 0;
  USER_CHECK(mprotect(extent.bytes.data(), extent.bytes.size(), PROT_READ | PROT_WRITE) == -1);
  USER_CHECK(errno == EACCES);
  const int file = open(("/proc/self/map_files/" + extent.range).c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return;  // only some users may open it
  USER_CHECK(mmap(nullptr, extent.bytes.size(), PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED);
  USER_CHECK(pwrite(file, "x", 1, 0) == -1);
  USER_CHECK(ftruncate(file, 0) == -1);
  USER_CHECK(ftruncate(file, static_cast<off_t>(extent.bytes.size() * 2)) == -1);
  close(file);
}

/// Returns a random word. Often only one part of it is random, so that it may pass for a valid
/// word.
std::uint64_t nonsense(std::mt19937_64& chance) {
  const std::uint64_t bits = chance();
  switch (bits % 8) {
    case 0:
      return 0;
    case 1:
      return ~std::uint64_t{0};
    case 2:
      return bits & 0xffff;
    case 3:
      return bits << 16;
    case 4:
      return (bits & ~std::uint64_t{0xffff}) | (bits >> 32 & 15) << 2;
    default:
      return bits;
  }
}

class Hostile {
 public:
  Hostile(const agora::manager& m, std::uint32_t seed)
      : child_([this, m, seed] { rage(m, seed); }) {
    first_.await();
  }
  void end() {
    child_.kill();
    child_.join();
  }
  /// Returns how often every word was written.
  std::uint64_t rounds() const { return rounds_; }

 private:
  void rage(const agora::manager& m, std::uint32_t seed) {
    USER_CHECK(m.transport() == "shared memory");
    m.value<int>("number q").store(1);
    std::mt19937_64 chance(seed);
    for (;;) {
      bool any = false;
      for (const Extent& extent : extents()) {
        if (!extent.writable) {
          cannot_write(extent);
          continue;
        }
        any = true;
        auto* words = reinterpret_cast<std::uint64_t*>(extent.bytes.data());
        for (std::size_t i = 0; i < extent.bytes.size() / 8; ++i) {
          __atomic_store_n(words + i, nonsense(chance), __ATOMIC_RELAXED);
        }
      }
      USER_CHECK(any);
      if (rounds_++ == 0) first_.give();
    }
  }

  std::atomic<std::uint64_t>& rounds_ = user::shared<std::atomic<std::uint64_t>>();
  user::Baton first_;
  agora::process child_;
};

constexpr const char* kCodes[] = {"b", "B", "h", "H", "i", "I", "q", "Q", "f", "d", "?"};

/// Creates the objects in words that the hostile program can write.
void make_spoilt(const agora::manager& m) {
  const std::map<std::string, bool> local{{"local", true}};
  for (const char* code : kCodes) {
    const std::string name = std::string("number ") + code;
    m.call("object.create", "value", name, std::vector<agora::any>{code}, local);
    m.call("object.create", "array", "array " + name, std::vector<agora::any>{code, 100}, local);
    m.call("session.locate", name);
    m.call("session.locate", "array " + name);
  }
  for (int i = 0; i < 10; ++i) {
    const auto lock = m.lock("lock " + std::to_string(i));
    const auto rlock = m.rlock("rlock " + std::to_string(i));
    lock.lock(), lock.unlock();
    rlock.lock(), rlock.unlock();
  }
}

/// Makes a call that may return any value or throw any error of the object.
void dare(const std::function<void()>& call) {
  try {
    call();
  } catch (const agora::session_lost&) {
    USER_FAIL("the session stands");
  } catch (const agora::unavailable&) {
    USER_FAIL("the server lives");
  } catch (const agora::error&) {  // NOLINT(bugprone-empty-catch)
  }
}

void use_spoilt(const agora::manager& m, int lap) {
  const std::string number = std::string("number ") + kCodes[static_cast<std::size_t>(lap) % 11];
  const std::string lock = "lock " + std::to_string(lap % 10);
  dare([&] { m.call("value.get", number); });
  dare([&] { m.call("value.add", number, 1); });
  dare([&] { m.call("value.set", number, 1); });
  dare([&] { m.call("value.compare_and_set", number, 1, 0); });
  dare([&] { m.call("array.slice", "array " + number); });
  dare([&] { m.call("array.add", "array " + number, lap % 100, 1); });
  dare([&] { m.call("object.info", number); });
  dare([&] { m.call("server.locks"); });
  dare([&] { m.call("server.sessions"); });
  dare([&] { m.call("lock.locked", lock); });
  dare([&] { m.call("lock.holder", lock); });
  dare([&] { m.call("rlock.acquire", "r" + lock, 0); });
  dare([&] { m.call("rlock.release", "r" + lock); });
  dare([&] {
    const auto mine = m.lock(lock);
    if (mine.try_lock_for(1ms)) mine.unlock();
  });
  if (lap % 20 == 0) dare([&] { m.remove(lock); });
  dare([&] { m.lock(lock); });
}

/// Uses the objects that do not lie in words; the hostile program must not affect them.
void work(const agora::manager& m, const std::string& mine) {
  const auto d = m.dict<std::string, int>("dict " + mine);
  const auto l = m.list<int>("list " + mine);
  const auto s = m.set<int>("set " + mine);
  const auto q = m.queue<int>("queue " + mine);
  const auto sum = m.value<int>("sum " + mine, 0, {.local = false});
  for (int lap = 0; lap < kLaps; ++lap) {
    d["lap"] = lap;
    d["key " + std::to_string(lap)] = lap;
    USER_CHECK(d.at("lap") == lap && d.at("key " + std::to_string(lap / 2)) == lap / 2);
    l.push_back(lap), s.insert(lap), q.push(lap);
    USER_CHECK(l.at(-1) == lap && s.contains(lap) && !s.contains(lap + 1));
    USER_CHECK(q.pop() == lap && q.size() == 0);
    USER_CHECK((sum += 2) == 2 * lap + 2);
    USER_CHECK(d.size() == static_cast<std::size_t>(lap) + 2);
  }
}

/// The next object in a spoilt word works like a new one.
void begin_anew(const agora::manager& m) {
  for (const char* code : kCodes) {
    USER_CHECK(m.remove(std::string("number ") + code));
    USER_CHECK(m.remove(std::string("array number ") + code));
  }
  for (int i = 0; i < 10; ++i) {
    m.remove("lock " + std::to_string(i));
    m.remove("rlock " + std::to_string(i));
  }
  for (int i = 0; i < 60; ++i) {
    const auto lock = m.lock("new lock " + std::to_string(i));
    const auto count = m.value<long>("new count " + std::to_string(i));
    USER_CHECK(count.load() == 0);
    USER_CHECK(m.array<int>("new array " + std::to_string(i), 50).load(-1) == 0);
    std::uint64_t token = 0;
    const auto laps = [&] {
      for (int lap = 0; lap < 50; ++lap) {
        const std::lock_guard guard(lock);
        USER_CHECK(lock.token() > token && lock.token() < std::uint64_t{1} << 53);
        token = lock.token();
        count.store(count.load() + 1);
      }
    };
    std::thread other(laps);
    laps();
    other.join();
    USER_CHECK(count.load() == 100);
  }
}

}  // namespace

int main() {
  return user::run([] {
    const std::uint32_t seed = user::seed();
    const agora::manager m;
    const agora::manager plain(m.address(), {.shared_memory = false});
    make_spoilt(m);
    Hostile hostile(m, seed);
    agora::process other([&] { work(m, "other"); });
    const std::uint64_t before = hostile.rounds();
    for (int lap = 0; lap < kLaps; ++lap) {
      use_spoilt(m, lap);
      use_spoilt(plain, lap);
    }
    work(m, "mine");
    work(plain, "plain");
    USER_CHECK(hostile.rounds() > before);
    other.join();
    USER_CHECK(other.exit_code() == 0);
    hostile.end();
    begin_anew(agora::manager(m.address()));
    USER_CHECK(m.ping() && plain.ping());
  });
}
