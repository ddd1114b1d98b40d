// SPDX-License-Identifier: MIT

#include "tests/support/catch.hpp"
#include "tests/unit/server/model/expectations.hpp"

namespace agora::test {
namespace {

/// A condition with an rlock of its own.
class ConditionModel : public Expectations {
 public:
  void called(std::size_t actor, const Choice& choice, std::string&) {
    const bool own = holder_ == actor;
    if (choice.method == "condition.acquire") {
      if (own) {
        ++levels_;
        return expect(actor, kGranted);
      }
      line_.push_back({actor, 1, kGranted});
    } else if (choice.method == "condition.release") {
      expect(actor, own ? kNull : holder_ ? "NotOwner" : "NotLocked");
      if (own && --levels_ == 0) holder_.reset();
    } else if (!own) {
      expect(actor, "RuntimeError");
    } else if (choice.method == "condition.wait") {
      waiting_.push_back({actor, std::exchange(levels_, 0), kFalse});
      holder_.reset();
    } else {
      expect(actor, kNull);
      if (!waiting_.empty()) wake(0, kTrue);
    }
    serve();
  }
  void died(std::size_t actor, std::string&) {
    std::erase_if(waiting_, [&](const Place& place) { return place.actor == actor; });
    std::erase_if(line_, [&](const Place& place) { return place.actor == actor; });
    if (holder_ == actor) {
      holder_.reset();
      levels_ = 0;
    }
    serve();
  }
  void second_passed(const std::array<bool, kActors>& due, std::string&) {
    for (std::size_t i = 0; i < waiting_.size();) {
      due[waiting_[i].actor] ? wake(i, kFalse) : void(++i);
    }
    serve();
  }
  void describe_to(std::string& text, const Names& names, const Names&) const {
    text += holder_ ? name(names, *holder_) : '-';
    text += static_cast<char>('0' + levels_);
    for (const auto* queue : {&waiting_, &line_}) {
      text += ',';
      for (const Place& place : *queue) {
        text += name(names, place.actor);
        text += static_cast<char>('0' + place.levels);
        text += place.reply;
      }
    }
  }

 private:
  struct Place {
    std::size_t actor;
    int levels;
    std::string reply;
  };

  void wake(std::size_t i, const char* reply) {
    line_.push_back({waiting_[i].actor, waiting_[i].levels, reply});
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  void serve() {
    if (holder_ || line_.empty()) return;
    const Place next = line_.front();
    line_.pop_front();
    holder_ = next.actor;
    levels_ = next.levels;
    expect(next.actor, next.reply);
  }

  std::optional<std::size_t> holder_;
  int levels_ = 0;
  std::deque<Place> waiting_;
  std::deque<Place> line_;
};

TEST_CASE("condition: every order of three sessions' calls, time-outs and deaths",
          "[objects][small]") {
  SmallWorld<ConditionModel> world{{{"condition"}},
                                   {{"condition.acquire", {}},
                                    {"condition.release", {}},
                                    {"condition.wait", {}},
                                    {"condition.wait", {pack(1)}, true},
                                    {"condition.notify", {}}},
                                   4,
                                   1};
  const auto result = world.search({});
  CHECK(result.wrong == "");
  INFO(result.states << " states, " << result.steps << " steps");
  CHECK(result.states > 1000);
}

}  // namespace
}  // namespace agora::test
