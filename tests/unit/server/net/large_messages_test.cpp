// Large messages that come in pieces, over many connections at once, are answered as whole ones
// are: wherever their memory lies, and whoever takes it over.

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <random>

#include "server/engine/memory_journal.hpp"
#include "server/net/dialogue.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "shared/value/msgpack_writer.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

class StandingClock : public Clock {
 public:
  Instant now() override { return Instant{}; }
};

/// A server without sockets, and what each connection has heard.
class Room : private Outbox {
 public:
  std::size_t enter() {
    dialogues_.push_back(std::make_unique<Dialogue>(context_, Peer{}));
    heard_.emplace_back();
    return dialogues_.size() - 1;
  }
  Dialogue& dialogue(std::size_t who) { return *dialogues_[who]; }

  /// As a connection does: reads as much as there is room for. @return bytes taken
  std::size_t read(std::size_t who, std::string_view bytes) {
    const std::span<char> room = dialogue(who).room();
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    dialogue(who).received(count);
    return count;
  }
  void say(std::size_t who, std::string_view bytes) { dialogue(who).receive(bytes); }
  void turn() {
    engine_.turn();
    for (std::size_t who = 0; who < dialogues_.size(); ++who) hear(who);
  }
  /// Everything that was taken in.
  void finish() {
    turn();
    for (const auto& dialogue : dialogues_) {
      while (dialogue->has_backlog()) {
        dialogue->proceed();
        turn();
      }
    }
  }
  const std::string& heard(std::size_t who) const { return heard_[who]; }
  SpareBuffers& spares() { return engine_.spare_buffers(); }

 private:
  void deliver(const Effect& effect, const Effects& effects) override {
    for (const auto& dialogue : dialogues_) {
      if (dialogue->link() == effect.link) dialogue->deliver(effect, effects);
    }
  }
  void hear(std::size_t who) {
    Output& output = dialogue(who).output();
    while (!output.empty()) {
      std::array<iovec, 8> parts;
      output.gather(parts);
      heard_[who].append(static_cast<const char*>(parts[0].iov_base), parts[0].iov_len);
      output.consume(parts[0].iov_len);
    }
  }

  HeapExtents extents_;
  StandingClock clock_;
  MemoryJournal journal_;
  Machine machine_{all_types(), extents_, {}};
  Engine engine_{machine_, clock_, journal_, *this};
  DialogueContext context_{engine_};
  std::vector<std::unique_ptr<Dialogue>> dialogues_;
  std::vector<std::string> heard_;
};

using Random = std::mt19937;

/// Text of any size: mostly ASCII, sometimes with a letter beyond it, or with a byte that is none.
std::string value(Random& random) {
  static constexpr std::size_t kSizes[] = {10, 1'000, 16'300, 70'000, 300'000, 600'000};
  const std::size_t size = random() % kSizes[random() % std::size(kSizes)];
  std::string text(size, static_cast<char>('a' + random() % 26));
  const std::size_t at = text.size() < 2 ? 0 : random() % (text.size() - 1);
  if (text.size() >= 2 && random() % 4 == 0) text.replace(at, 2, "\xc3\xa4");
  if (text.size() >= 2 && random() % 8 == 0) text[at] = '\xff';
  return text;
}

/// Calls of one connection, on a dict of its own.
std::string script(Random& random, const std::string& dict) {
  std::string bytes;
  Writer out{bytes};
  std::uint64_t id = 0;
  const auto begin = [&](std::string_view method, std::uint32_t params) {
    out.list(4);
    out.integer(0), out.unsigned_integer(++id), out.text(method), out.list(params);
  };
  begin("object.create", 2);
  out.text("dict"), out.text(dict);
  for (int call = 0; call < 60; ++call) {
    const auto key = static_cast<std::int64_t>(random() % 5);
    switch (random() % 5) {
      case 0:
        begin("dict.get", 2);
        out.text(dict), out.integer(key);
        break;
      case 1:  // refused when it is admitted, as long as it may be
        begin("dict.set", 2);
        out.text(dict), out.text(value(random));
        break;
      case 2:
        begin("dict.set", 3);
        out.text(dict), out.integer(key), out.bytes(value(random));
        break;
      default:
        begin("dict.set", 3);
        out.text(dict), out.integer(key), out.text(value(random));
    }
  }
  return bytes;
}

TEST_CASE("large messages in pieces are answered as whole ones are", "[net]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  Random random{seed};
  constexpr std::size_t kConnections = 4;
  std::vector<std::string> scripts;
  Room whole;
  Room pieces;
  for (std::size_t i = 0; i < kConnections; ++i) {
    scripts.push_back(script(random, "d" + std::to_string(i)));
    whole.say(whole.enter(), scripts[i]);
    whole.finish();
    pieces.enter();
  }
  std::array<std::size_t, kConnections> at{};
  for (std::size_t left = kConnections; left > 0;) {
    const std::size_t who = random() % kConnections;
    const std::string_view rest = std::string_view{scripts[who]}.substr(at[who]);
    if (rest.empty()) continue;
    if (pieces.dialogue(who).has_backlog()) {
      pieces.dialogue(who).proceed();
      continue;
    }
    const std::size_t most = random() % 3 == 0 ? 1 + random() % 40 : 1 + random() % 400'000;
    at[who] += pieces.read(who, rest.substr(0, most));
    if (at[who] == scripts[who].size()) --left;
    if (random() % 4 == 0) pieces.turn();
    if (random() % 50 == 0) pieces.spares().release_unused();
  }
  pieces.finish();
  for (std::size_t i = 0; i < kConnections; ++i) {
    INFO("connection " << i);
    CHECK(whole.heard(i).size() == pieces.heard(i).size());
    CHECK((whole.heard(i) == pieces.heard(i)));  // not shown: megabytes
  }
}

TEST_CASE("a message that only announces its size gets no memory for it", "[net]") {
  Room room;
  const std::size_t who = room.enter();
  std::string bytes;
  Writer out{bytes};
  out.list(4);
  out.integer(0), out.unsigned_integer(1), out.text("dict.set"), out.list(3);
  out.text("d"), out.text("k");
  bytes += std::string{"\xdb\x03\x00\x00\x00", 5};  // 48 MiB of text
  CHECK(room.read(who, bytes) == bytes.size());
  CHECK(room.dialogue(who).large_message_under_way());
  CHECK(room.dialogue(who).room().size() <= std::size_t{256} << 10);
  CHECK(room.read(who, "x") == 1);
}

}  // namespace
}  // namespace agora
