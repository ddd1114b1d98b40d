// What was found out ahead of a command must not be clamp_token when a command in between has
// changed it. The dict is large enough to be looked at ahead; batches are applied whole and one by
// one.
#include "server/core/machine/prefetcher.hpp"

#include <random>
#include <string>
#include <vector>

#include "server/core/machine/machine.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "shared/value/codec.hpp"
#include "tests/support/catch.hpp"

using namespace agora;

namespace {

using Words = std::vector<std::string>;

/// A machine that gets calls in batches and gives their answers as text.
class World {
 public:
  World() : machine_(all_types(), extents_, {}) {
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_opened;
    command.link = LinkId{1};
    batch_.peers.emplace_back();
    apply();
  }

  void add(const Words& words) {
    Command command;
    command.kind = Command::Kind::call;
    command.link = LinkId{1};
    command.method = *machine_.catalogue().find(words[0]);
    command.first = static_cast<std::uint32_t>(batch_.arguments.size());
    command.count = static_cast<std::uint32_t>(words.size() - 1);
    for (std::size_t i = 1; i < words.size(); ++i) {
      const Packed packed = pack(words[i]);
      batch_.arguments.push_back({batch_.bytes.size(), packed.bytes().size()});
      batch_.bytes += packed.bytes();
    }
    batch_.commands.push_back(command);
  }

  /// The answers to what was added, in order.
  Words apply() {
    Effects effects;
    machine_.apply(batch_, effects);
    batch_.clear();
    Words answers;
    for (const Effect& effect : effects.list) {
      answers.push_back(effect.error ? std::string{type_name(effect.error->code)}
                                     : std::string{effects.result(effect).bytes()});
    }
    return answers;
  }

 private:
  HeapExtents extents_;
  Machine machine_;
  Batch batch_;
};

void fill(World& world, const std::string& name) {
  world.add({"object.create", "dict", name});
  for (int i = 0; i < 5'000; ++i) world.add({"dict.set", name, "k" + std::to_string(i), name});
  world.apply();
}

Words run(const std::vector<Words>& calls, std::size_t in_one) {
  World world;
  fill(world, "d");
  fill(world, "e");
  Words answers;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    world.add(calls[i]);
    if ((i + 1) % in_one != 0 && i + 1 < calls.size()) continue;
    for (std::string& answer : world.apply()) answers.push_back(std::move(answer));
  }
  return answers;
}

TEST_CASE("an object that goes between the look and the call is not called", "[core]") {
  const std::vector<Words> calls = {
      {"dict.get", "d", "k1"}, {"dict.get", "d", "k2"},        {"object.delete", "d"},
      {"dict.get", "d", "k3"}, {"dict.get", "d", "k4"},        {"object.create", "dict", "d"},
      {"dict.get", "d", "k5"}, {"dict.set", "d", "k5", "new"}, {"dict.get", "d", "k5"},
      {"object.delete", "d"},  {"object.create", "set", "d"},  {"dict.get", "d", "k5"},
      {"set.add", "d", "k6"},  {"set.contains", "d", "k6"},
  };
  const Words answers = run(calls, calls.size());
  const Words expected = {
      "\xa1"
      "d",
      "\xa1"
      "d"};
  CHECK(answers[0] == expected[0]);
  CHECK(answers[1] == expected[1]);
  CHECK(answers[3] == "NotFound");
  CHECK(answers[4] == "NotFound");
  CHECK(answers[6] == "KeyError");
  CHECK(answers[8] == "\xa3new");
  CHECK(answers[11] == "WrongType");
  CHECK(answers[13] == "\xc3");
  CHECK(answers == run(calls, 1));
}

TEST_CASE("looking ahead changes no answer", "[core]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::vector<Words> calls;
  for (int i = 0; i < 3'000; ++i) {
    const std::string name = random() % 2 == 0 ? "d" : "e";
    const std::string key = "k" + std::to_string(random() % 5'050);
    switch (random() % 40) {
      case 0:
        calls.push_back({"object.delete", name});
        break;
      case 1:
        calls.push_back({"object.create", "dict", name});
        break;
      case 2:
        calls.push_back({"dict.clear", name});
        break;
      default: {
        const char* const methods[] = {"dict.get", "dict.delete", "dict.contains"};
        const std::size_t which = random() % 4;
        if (which == 3) {
          calls.push_back({"dict.set", name, key, "v" + std::to_string(i)});
        } else {
          calls.push_back({methods[which], name, key});
        }
      }
    }
  }
  CHECK(run(calls, 64) == run(calls, 1));
}

}  // namespace
