// SPDX-License-Identifier: MIT

// Expectations: the replies that a model expects, one each for some of the actors.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "tests/unit/server/model/small_world.hpp"

namespace agora::test {

/// The comparing part of every model: the replies received against the expected ones.
class Expectations {
 public:
  void replied(std::size_t actor, const Choice& choice, const std::string& reply,
               std::string& wrong) {
    const auto& due = expected_[actor];
    if (!due || *due != reply) {
      wrong += actor_name(actor) + " got " + reply + " for " + std::string{choice.method} +
               ", not " + due.value_or("nothing") + "; ";
    }
    expected_[actor].reset();
  }
  void settled(std::string& wrong) {
    for (std::size_t i = 0; i < kActors; ++i) {
      if (expected_[i]) wrong += actor_name(i) + " was forgotten: " + *expected_[i] + "; ";
    }
  }

 protected:
  void expect(std::size_t actor, std::string reply) { expected_[actor] = std::move(reply); }
  static std::string actor_name(std::size_t actor) { return {static_cast<char>('A' + actor)}; }

  static char name(const Names& names, std::size_t actor) {
    return static_cast<char>('A' + names[actor]);
  }

  static constexpr auto kTrue = "bool true";
  static constexpr auto kFalse = "bool false";
  static constexpr auto kNull = "null";
  static constexpr auto kGranted = "map";

 private:
  std::array<std::optional<std::string>, kActors> expected_{};
};

}  // namespace agora::test
