// SPDX-License-Identifier: MIT

#include <algorithm>
#include <map>
#include <utility>

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
      line_.push_back({actor, 1, kGranted, ++last_, false});
    } else if (choice.method == "condition.release") {
      expect(actor, own ? kNull : holder_ ? "NotOwner" : "NotLocked");
      if (own && --levels_ == 0) holder_.reset();
    } else if (!own) {
      expect(actor, "RuntimeError");
    } else if (choice.method == "condition.wait") {
      waiting_.push_back({actor, std::exchange(levels_, 0), kFalse, ++last_, choice.timed});
      holder_.reset();
    } else {
      expect(actor, kNull);
      if (!waiting_.empty()) wake(0, kTrue);
    }
    serve();
  }
  void died(std::size_t actor, std::string&) {
    std::erase_if(waiting_, [&](const Place& place) { return place.actor == actor; });
    const auto notified = [&](const Place& place) {
      return place.actor == actor && place.reply == kTrue;
    };
    const bool passes_on = std::any_of(line_.begin(), line_.end(), notified);
    std::erase_if(line_, [&](const Place& place) { return place.actor == actor; });
    if (passes_on && !waiting_.empty()) wake(0, kTrue);
    if (holder_ == actor) {
      holder_.reset();
      levels_ = 0;
    }
    serve();
  }
  void second_passed(const std::array<bool, kActors>& due, std::string&) {
    std::map<std::uint64_t, std::size_t> in_order;  // the waits whose time is up, by their age
    for (const auto* queue : {&waiting_, &line_}) {
      for (const Place& place : *queue) {
        if (place.timed && due[place.actor]) in_order.emplace(place.serial, place.actor);
      }
    }
    for (const auto& [serial, actor] : in_order) time_out(actor);
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
        text += place.timed ? static_cast<char>('0' + rank(place)) : '-';
      }
    }
  }

 private:
  struct Place {
    std::size_t actor;
    int levels;
    std::string reply;
    std::uint64_t serial;  // the order of the calls
    bool timed;            // its time is not up yet
  };

  /// The time of a wait is up: it must reacquire the lock, and gives its notify to the next wait.
  void time_out(std::size_t actor) {
    const auto is_actors = [&](const Place& place) { return place.actor == actor; };
    const auto waits = std::find_if(waiting_.begin(), waiting_.end(), is_actors);
    if (waits != waiting_.end()) {
      return wake(static_cast<std::size_t>(waits - waiting_.begin()), kFalse);
    }
    Place& notified = *std::find_if(line_.begin(), line_.end(), is_actors);
    notified.timed = false;
    if (waiting_.empty()) return;
    notified.reply = kFalse;
    wake(0, kTrue);
  }
  /// Returns the number of older timed waits.
  std::size_t rank(const Place& place) const {
    std::size_t older = 0;
    for (const auto* queue : {&waiting_, &line_}) {
      for (const Place& each : *queue) older += each.timed && each.serial < place.serial ? 1 : 0;
    }
    return older;
  }
  void wake(std::size_t i, const char* reply) {
    const Place& place = waiting_[i];
    line_.push_back({place.actor, place.levels, reply, place.serial,
                     place.timed && std::string_view{reply} == kTrue});
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
  std::uint64_t last_ = 0;
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
