// SPDX-License-Identifier: MIT

#include "tests/support/catch.hpp"
#include "tests/unit/server/model/expectations.hpp"

namespace agora::test {
namespace {

constexpr std::size_t kParties = 2;

class BarrierModel : public Expectations {
 public:
  void called(std::size_t actor, const Choice& choice, std::string&) {
    if (choice.method == "barrier.wait") return wait(actor, choice);
    expect(actor, kNull);
    break_up();
    broken_ = choice.method == "barrier.abort";
  }
  void died(std::size_t actor, std::string&) { give_up(actor); }
  void second_passed(const std::array<bool, kActors>& due, std::string&) {
    for (std::size_t i = 0; i < kActors; ++i) {
      if (due[i]) give_up(i);
    }
    for (std::size_t i = 0; i < kActors; ++i) {
      if (due[i]) expect(i, kBroken);
    }
  }
  void describe_to(std::string& text, const Names& names, const Names&) const {
    text += broken_ ? 'b' : 's';
    for (const std::size_t actor : line_) text += name(names, actor);
  }

 private:
  static constexpr auto kBroken = "BrokenBarrier";

  void wait(std::size_t actor, const Choice& choice) {
    if (broken_) return expect(actor, kBroken);
    line_.push_back(actor);
    if (line_.size() == kParties) {
      for (std::size_t place = 0; place < kParties; ++place) {
        expect(line_[place], "int " + std::to_string(place));
      }
      line_.clear();
    } else if (!choice.arguments.empty() && !choice.timed) {
      broken_ = true;  // with timeout 0
      break_up();
    }
  }
  void give_up(std::size_t actor) {
    if (std::erase(line_, actor) == 0) return;
    broken_ = true;
    break_up();
  }
  void break_up() {
    for (const std::size_t actor : line_) expect(actor, kBroken);
    line_.clear();
  }

  bool broken_ = false;
  std::deque<std::size_t> line_;
};

TEST_CASE("barrier: every order of three sessions' calls, time-outs and deaths",
          "[objects][small]") {
  SmallWorld<BarrierModel> world{{{"barrier", pack(std::vector<std::size_t>{kParties})}},
                                 {{"barrier.wait", {}},
                                  {"barrier.wait", {pack(1)}, true},
                                  {"barrier.wait", {pack(0)}},
                                  {"barrier.reset", {}},
                                  {"barrier.abort", {}}},
                                 4,
                                 3};
  const auto result = world.search({});
  CHECK(result.wrong == "");
  INFO(result.states << " states, " << result.steps << " steps");
  CHECK(result.states > 500);
}

}  // namespace
}  // namespace agora::test
