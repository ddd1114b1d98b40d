// SPDX-License-Identifier: MIT

// Prefetcher: findings about a later command must not be used once a command in between has changed
// them. The dict is large enough for prefetches; calls are applied in one batch and one by one.
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

using Texts = std::vector<std::string>;

/// A machine that gets calls in batches and returns their replies as text.
class World {
 public:
  World() : machine_(all_types(), extents_, {}) {
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_opened;
    command.link = LinkId{1};
    batch_.peers.emplace_back();
    apply();
  }

  void add(const Texts& texts) {
    Command command;
    command.kind = Command::Kind::call;
    command.link = LinkId{1};
    command.method = *machine_.catalogue().find(texts[0]);
    command.first = static_cast<std::uint32_t>(batch_.arguments.size());
    command.count = static_cast<std::uint32_t>(texts.size() - 1);
    for (std::size_t i = 1; i < texts.size(); ++i) {
      const Packed packed = pack(texts[i]);
      batch_.arguments.push_back({batch_.bytes.size(), packed.bytes().size()});
      batch_.bytes += packed.bytes();
    }
    batch_.commands.push_back(command);
  }

  /// Applies the added calls; returns their replies in order.
  Texts apply() {
    Effects effects;
    machine_.apply(batch_, effects);
    batch_.clear();
    Texts replies;
    for (const Effect& effect : effects.list) {
      replies.push_back(effect.error ? std::string{type_name(effect.error->code)}
                                     : std::string{effects.result(effect).bytes()});
    }
    return replies;
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

Texts run(const std::vector<Texts>& calls, std::size_t in_one) {
  World world;
  fill(world, "d");
  fill(world, "e");
  Texts replies;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    world.add(calls[i]);
    if ((i + 1) % in_one != 0 && i + 1 < calls.size()) continue;
    for (std::string& reply : world.apply()) replies.push_back(std::move(reply));
  }
  return replies;
}

TEST_CASE("prefetcher: an object deleted between the prefetch and the call is not used", "[core]") {
  const std::vector<Texts> calls = {
      {"dict.get", "d", "k1"}, {"dict.get", "d", "k2"},        {"object.delete", "d"},
      {"dict.get", "d", "k3"}, {"dict.get", "d", "k4"},        {"object.create", "dict", "d"},
      {"dict.get", "d", "k5"}, {"dict.set", "d", "k5", "new"}, {"dict.get", "d", "k5"},
      {"object.delete", "d"},  {"object.create", "set", "d"},  {"dict.get", "d", "k5"},
      {"set.add", "d", "k6"},  {"set.contains", "d", "k6"},
  };
  const Texts replies = run(calls, calls.size());
  const Texts expected = {
      "\xa1"
      "d",
      "\xa1"
      "d"};
  CHECK(replies[0] == expected[0]);
  CHECK(replies[1] == expected[1]);
  CHECK(replies[3] == "NotFound");
  CHECK(replies[4] == "NotFound");
  CHECK(replies[6] == "KeyError");
  CHECK(replies[8] == "\xa3new");
  CHECK(replies[11] == "WrongType");
  CHECK(replies[13] == "\xc3");
  CHECK(replies == run(calls, 1));
}

TEST_CASE("prefetcher: prefetching changes no reply", "[core]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::vector<Texts> calls;
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
