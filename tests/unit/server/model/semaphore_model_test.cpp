// SPDX-License-Identifier: MIT

#include <algorithm>
#include <deque>
#include <map>

#include "tests/support/catch.hpp"
#include "tests/unit/server/model/expectations.hpp"

namespace agora::test {
namespace {

constexpr int kPermits = 2;

class SemaphoreModel : public Expectations {
 public:
  explicit SemaphoreModel(int bound) : bound_(bound) {}
  void called(std::size_t actor, const Choice& choice, std::string& wrong) {
    const int n = *unpack<int>(choice.arguments[0]);
    if (choice.method == "semaphore.acquire") {
      line_.push_back({actor, n});
    } else if (n > bound_ - free_) {
      expect(actor, "ValueError");
    } else {
      free_ += n;
      added_ += book(actor, n);
      expect(actor, kNull);
    }
    serve(wrong);
  }
  void died(std::size_t actor, std::string& wrong) {
    leave(actor);
    free_ += static_cast<int>(std::erase(held_, actor));
    serve(wrong);
  }
  void second_passed(const std::array<bool, kActors>& due, std::string& wrong) {
    for (std::size_t i = 0; i < kActors; ++i) {
      if (!due[i]) continue;
      leave(i);
      expect(i, kFalse);
    }
    serve(wrong);
  }
  void describe_to(std::string& text, const Names& names, const Names&) const {
    text += static_cast<char>('0' + free_);
    text += static_cast<char>('0' + added_);
    for (const std::size_t actor : held_) text += name(names, actor);
    text += ',';
    for (const auto& [actor, n] : line_) text += name(names, actor);
  }

 private:
  /// Takes n permits from those held: the caller's latest first, then the oldest of the others.
  /// Returns how many more were released than were held.
  int book(std::size_t actor, int n) {
    for (; n > 0 && std::count(held_.begin(), held_.end(), actor) > 0; --n) {
      held_.erase(std::prev(std::find(held_.rbegin(), held_.rend(), actor).base()));
    }
    for (; n > 0 && !held_.empty(); --n) held_.pop_front();
    return n;
  }
  void leave(std::size_t actor) {
    std::erase_if(line_, [&](const auto& each) { return each.first == actor; });
  }
  void serve(std::string& wrong) {
    while (!line_.empty() && line_.front().second <= free_) {
      const auto [actor, n] = line_.front();
      line_.pop_front();
      free_ -= n;
      held_.insert(held_.end(), static_cast<std::size_t>(n), actor);
      expect(actor, kTrue);
    }
    const int all = free_ + static_cast<int>(held_.size());
    if (free_ < 0 || free_ > bound_ || all != kPermits + added_)
      wrong += "permits are not conserved; ";
  }

  int bound_;
  int free_ = kPermits;
  int added_ = 0;                 // permits released beyond all that were held
  std::deque<std::size_t> held_;  // the holder of each permit, the oldest first
  std::deque<std::pair<std::size_t, int>> line_;
};

const std::vector<Choice> kMenu{{"semaphore.acquire", {pack(1)}},
                                {"semaphore.acquire", {pack(2), pack(1)}, true},
                                {"semaphore.release", {pack(1)}}};
const Packed kInitial = pack(std::vector<int>{kPermits});

TEST_CASE("semaphore: bounded, every order of three sessions' calls, time-outs and deaths",
          "[objects][small]") {
  const Packed options = pack(std::map<std::string, int>{{"bound", kPermits}});
  SmallWorld<SemaphoreModel> world{{{"semaphore", kInitial, options}}, kMenu, 4, 1};
  const auto result = world.search(SemaphoreModel{kPermits});
  CHECK(result.wrong == "");
  INFO(result.states << " states, " << result.steps << " steps");
  CHECK(result.states > 1000);
}

TEST_CASE("semaphore: unbounded, every order of three sessions' calls and deaths",
          "[objects][small]") {
  SmallWorld<SemaphoreModel> world{{{"semaphore", kInitial}}, kMenu, 3, 2};
  const auto result = world.search(SemaphoreModel{1000});
  CHECK(result.wrong == "");
  INFO(result.states << " states, " << result.steps << " steps");
  CHECK(result.states > 1000);
}

}  // namespace
}  // namespace agora::test
