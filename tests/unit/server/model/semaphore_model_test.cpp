#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/unit/server/model/expectations.hpp"

namespace agora::test {
namespace {

constexpr int kPermits = 2;

class SemaphoreModel : public Expectations {
 public:
  void called(std::size_t actor, const Choice& choice, std::string& wrong) {
    const int n = *unpack<int>(choice.arguments[0]);
    if (choice.method == "semaphore.acquire") {
      line_.push_back({actor, n});
    } else {
      free_ += n;
      const int own = std::min(n, held_[actor]);
      held_[actor] -= own;
      added_ += n - own;
      expect(actor, kNothing);
    }
    serve(wrong);
  }
  void died(std::size_t actor, std::string& wrong) {
    leave(actor);
    free_ += std::exchange(held_[actor], 0);
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
  std::string state() const {
    std::string text = std::to_string(free_) + "," + std::to_string(added_);
    for (const int held : held_) text += "," + std::to_string(held);
    for (const auto& [actor, n] : line_) text += who(actor) + std::to_string(n);
    return text;
  }

 private:
  void leave(std::size_t actor) {
    std::erase_if(line_, [&](const auto& each) { return each.first == actor; });
  }
  void serve(std::string& wrong) {
    while (!line_.empty() && line_.front().second <= free_) {
      const auto [actor, n] = line_.front();
      line_.pop_front();
      free_ -= n;
      held_[actor] += n;
      expect(actor, kTrue);
    }
    int all = free_;
    for (const int held : held_) all += held;
    if (free_ < 0 || all != kPermits + added_) wrong += "permits are not conserved; ";
  }

  int free_ = kPermits;
  int added_ = 0;  // by those who released more than they held
  std::array<int, kActors> held_{};
  std::deque<std::pair<std::size_t, int>> line_;
};

TEST_CASE("A semaphore in every order of three sessions' calls, time-outs and deaths",
          "[objects][small]") {
  SmallWorld<SemaphoreModel> world{
      {{"semaphore", pack(std::vector<int>{kPermits})}},
      {{"semaphore.acquire", {pack(1)}},
       {"semaphore.acquire", {pack(2), pack(1)}, true},
       {"semaphore.release", {pack(1)}}},
      2};
  const auto result = world.search({});
  CHECK(result.wrong == "");
  INFO(result.states << " states, " << result.steps << " steps");
  CHECK(result.states > 1000);
}

}  // namespace
}  // namespace agora::test
