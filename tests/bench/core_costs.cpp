// SPDX-License-Identifier: MIT

#include "tests/bench/core_costs.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "client/load/agora_protocol.hpp"
#include "server/core/machine/machine.hpp"
#include "server/engine/memory_journal.hpp"
#include "server/net/dialogue.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "tests/bench/results.hpp"

namespace agora::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kDialogueRounds = 7;
using load::key_text;
using load::value_text;

double microseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

/// A Machine with one dict; times single inserts into it.
class GrowingDict {
 public:
  GrowingDict() : machine_(all_types(), extents_, {}) {
    Command& command = batch_.commands.emplace_back();
    command.kind = Command::Kind::link_opened;
    command.link = LinkId{1};
    batch_.peers.emplace_back();
    machine_.apply(batch_, effects_);
    call("object.create", {"dict", "d"});
  }

  /// @return microseconds
  double insert(std::uint64_t key) { return call("dict.set", {"d", key_text(key), value_}); }

 private:
  double call(std::string_view method, const std::vector<std::string>& words) {
    batch_.clear();
    effects_.clear();
    Command command;
    command.kind = Command::Kind::call;
    command.link = LinkId{1};
    command.method = *machine_.catalogue().find(method);
    command.count = static_cast<std::uint32_t>(words.size());
    for (const std::string& word : words) {
      const std::size_t offset = batch_.bytes.size();
      Writer{batch_.bytes}.text(word);
      batch_.arguments.push_back({offset, batch_.bytes.size() - offset});
    }
    batch_.commands.push_back(command);
    const auto begin = Clock::now();
    machine_.apply(batch_, effects_);
    return microseconds_since(begin);
  }

  HeapExtents extents_;
  Machine machine_;
  Batch batch_;
  Effects effects_;
  std::string value_ = value_text(64);
};

/// The server without its sockets: pipelined calls through a Dialogue, by one thread.
class Talk : private Outbox {
 public:
  Talk() : machine_(all_types(), extents_, {}), engine_(machine_, clock_, journal_, *this) {
    context_ = std::make_unique<DialogueContext>(engine_);
    dialogue_ = std::make_unique<Dialogue>(*context_, Peer{});
  }
  void say(const std::string& bytes) {
    dialogue_->receive(bytes);
    engine_.turn();
    dialogue_->output().consume(dialogue_->output().size());
  }

 private:
  struct Standing : public agora::Clock {
    Instant now() override { return {}; }
  };
  void deliver(const Effect& effect, const Effects& effects) override {
    dialogue_->deliver(effect, effects);
  }
  HeapExtents extents_;
  Machine machine_;
  Standing clock_;
  MemoryJournal journal_;
  Engine engine_;
  std::unique_ptr<DialogueContext> context_;
  std::unique_ptr<Dialogue> dialogue_;
};

}  // namespace

/// Measures the worst single insert while a dict grows to 2 M entries, in the core. Takes for each
/// insert the fastest of three runs, since noise from the machine does not hit the same insert
/// three times.
void core_growth() {
  constexpr std::size_t kEntries = 2'000'000;
  std::vector<float> quickest(kEntries, 1e9F);
  for (int run = 0; run < 3; ++run) {
    GrowingDict dict;
    for (std::size_t i = 0; i < kEntries; ++i) {
      quickest[i] = std::min(quickest[i], static_cast<float>(dict.insert(i)));
    }
  }
  double total = 0;
  for (const float us : quickest) total += static_cast<double>(us);
  const auto slow =
      std::count_if(quickest.begin(), quickest.end(), [](float us) { return us > 100; });
  std::printf(
      "core-growth  2 M inserts: mean %.2f us, worst %.0f us (at most 1000), %ld above 100 us\n",
      total / static_cast<double>(kEntries),
      static_cast<double>(*std::max_element(quickest.begin(), quickest.end())),
      static_cast<long>(slow));
}

void dialogue() {
  constexpr int kTurns = 40'000;
  const load::Shape shape{.pipeline = 32};
  const load::AgoraProtocol protocol;
  Talk talk;
  talk.say(load::agora_call("object.create", {"dict", "bench-dict"}));
  load::Shape setting = shape;
  setting.work = load::Work::set;
  for (std::uint64_t key = 0; key < shape.keys; ++key) {
    talk.say(protocol.piece(setting, 0, key).front().bytes);
  }
  const load::Traffic traffic = load::traffic_of(protocol, shape, 0);
  std::vector<double> rates;
  for (int round = 0; round < kDialogueRounds; ++round) {
    const auto begin = Clock::now();
    for (std::size_t turn = 0; turn < kTurns; ++turn) {
      talk.say(traffic.batches[turn % traffic.batches.size()].bytes);
    }
    rates.push_back(kTurns * 32.0 / microseconds_since(begin) * 1e3);
  }
  std::printf("dialogue     dict.get without sockets: %.0f k/s, %.0f ns a call\n", median(rates),
              1e6 / median(rates));
}

}  // namespace agora::bench
