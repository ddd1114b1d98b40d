// SPDX-License-Identifier: MIT

#include "tests/support/catch.hpp"
#include "tests/unit/server/model/expectations.hpp"

namespace agora::test {
namespace {

constexpr std::size_t kLocks = 3;

/// Three locks; an acquire that closes a cycle is a deadlock, and no other one is.
class LocksModel : public Expectations {
 public:
  void called(std::size_t actor, const Choice& choice, std::string&) {
    Lock& lock = locks_[choice.object];
    if (choice.method == "lock.acquire") {
      if (lock.holder && closes_cycle(actor, choice.object)) return expect(actor, "Deadlock");
      lock.line.push_back(actor);
    } else {
      const bool own = lock.holder == actor;
      expect(actor, own ? kNull : lock.holder ? "NotOwner" : "NotLocked");
      if (own) lock.holder.reset();
    }
    serve();
  }
  void died(std::size_t actor, std::string&) {
    for (Lock& lock : locks_) {
      std::erase(lock.line, actor);
      if (lock.holder == actor) lock.holder.reset();
    }
    serve();
  }
  void second_passed(const std::array<bool, kActors>& due, std::string&) {
    for (std::size_t i = 0; i < kActors; ++i) {
      if (!due[i]) continue;
      for (Lock& lock : locks_) std::erase(lock.line, i);
      expect(i, kNull);
    }
  }
  void describe_to(std::string& text, const Names& names, const Names&) const {
    for (const Lock& lock : locks_) {
      text += lock.holder ? name(names, *lock.holder) : '-';
      text += ':';
      for (const std::size_t actor : lock.line) text += name(names, actor);
    }
  }

 private:
  struct Lock {
    std::optional<std::size_t> holder;
    std::deque<std::size_t> line;
  };

  bool closes_cycle(std::size_t actor, std::size_t wanted) const {
    std::optional<std::size_t> lock = wanted;
    while (lock) {
      const std::size_t holder = *locks_[*lock].holder;  // who is waited for holds it
      if (holder == actor) return true;
      lock.reset();
      for (std::size_t i = 0; i < kLocks; ++i) {
        for (const std::size_t each : locks_[i].line) {
          if (each == holder) lock = i;
        }
      }
    }
    return false;
  }
  void serve() {
    for (Lock& lock : locks_) {
      if (lock.holder || lock.line.empty()) continue;
      lock.holder = lock.line.front();
      lock.line.pop_front();
      expect(*lock.holder, kGranted);
    }
  }

  std::array<Lock, kLocks> locks_;
};

TEST_CASE("lock: three locks in every order of three sessions' calls: deadlocks, and no others",
          "[objects][small]") {
  SmallWorld<LocksModel> world{{{"lock"}, {"lock"}, {"lock"}},
                               {{"lock.acquire", {}, false, 0},
                                {"lock.acquire", {}, false, 1},
                                {"lock.acquire", {pack(1)}, true, 2},
                                {"lock.release", {}, false, 0},
                                {"lock.release", {}, false, 1}},
                               4,
                               1};
  const auto result = world.search({});
  CHECK(result.wrong == "");
  INFO(result.states << " states, " << result.steps << " steps");
  CHECK(result.states > 1000);
}

}  // namespace
}  // namespace agora::test
