// What a model expects to hear: an answer each for some of the actors.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "tests/unit/server/model/small_world.hpp"

namespace agora::test {

/// The part of every model that compares: what was heard with what had to come.
class Expectations {
 public:
  void answered(std::size_t actor, const Choice& choice, const std::string& answer,
                std::string& wrong) {
    const auto& due = expected_[actor];
    if (!due || *due != answer) {
      wrong += who(actor) + " got " + answer + " for " + std::string{choice.method} + ", not " +
               due.value_or("nothing") + "; ";
    }
    expected_[actor].reset();
  }
  void settled(std::string& wrong) {
    for (std::size_t i = 0; i < kActors; ++i) {
      if (expected_[i]) wrong += who(i) + " was forgotten: " + *expected_[i] + "; ";
    }
  }

 protected:
  void expect(std::size_t actor, std::string answer) { expected_[actor] = std::move(answer); }
  static std::string who(std::size_t actor) { return {static_cast<char>('A' + actor)}; }

  static char name(const Names& names, std::size_t actor) {
    return static_cast<char>('A' + names[actor]);
  }

  static constexpr auto kTrue = "bool true";
  static constexpr auto kFalse = "bool false";
  static constexpr auto kNothing = "null";
  static constexpr auto kGranted = "map";

 private:
  std::array<std::optional<std::string>, kActors> expected_{};
};

}  // namespace agora::test
