// A consumer of notices that does not read is cut off with a reason, in its own form.

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>

#include "server/engine/memory_journal.hpp"
#include "server/net/dialogue.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

namespace agora {
namespace {

class StandingClock : public Clock {
 public:
  Instant now() override { return Instant{}; }
};

class Room : private Outbox {
 public:
  std::unique_ptr<Dialogue> enter() {
    auto dialogue = std::make_unique<Dialogue>(context_, Peer{});
    dialogues_[dialogue->link()] = dialogue.get();
    return dialogue;
  }
  void say(Dialogue& dialogue, std::string_view bytes) {
    dialogue.receive(bytes);
    engine_.turn();
  }
  static std::string take(Dialogue& dialogue) {
    std::string bytes;
    while (!dialogue.output().empty()) {
      std::array<iovec, 8> parts;
      dialogue.output().gather(parts);
      bytes.append(static_cast<const char*>(parts[0].iov_base), parts[0].iov_len);
      dialogue.output().consume(parts[0].iov_len);
    }
    return bytes;
  }

 private:
  static MachineInput input() {
    MachineInput made;
    made.limits.output_bytes_max = 1'000;
    return made;
  }
  void deliver(const Effect& effect, const Effects& effects) override {
    const auto found = dialogues_.find(effect.link);
    if (found != dialogues_.end()) found->second->deliver(effect, effects);
  }

  HeapExtents extents_;
  StandingClock clock_;
  MemoryJournal journal_;
  Machine machine_{all_types(), extents_, input()};
  Engine engine_{machine_, clock_, journal_, *this};
  DialogueContext context_{engine_};
  std::map<LinkId, Dialogue*> dialogues_;
};

struct Form {
  const char* subscribe;
  std::string_view last;  ///< what the last message holds
};

TEST_CASE("A subscriber that does not read is cut off with a reason", "[net]") {
  const Form form = GENERATE(Form{"topic.subscribe t\n", "\nOverloaded: more than 1000 bytes"},
                             Form{"{\"id\":1,\"method\":\"topic.subscribe\",\"params\":[\"t\"]}\n",
                                  "\n{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":27"},
                             Form{"\x94\x00\x01\xaftopic.subscribe\x91\xa1t", "Overloaded"});
  Room room;
  const auto writer = room.enter();
  const auto reader = room.enter();
  const auto slow = room.enter();
  room.say(*writer, "object.create topic t\n");
  const std::string_view subscribe{form.subscribe,
                                   form.subscribe[0] == '\x94' ? 22 : std::strlen(form.subscribe)};
  room.say(*slow, subscribe);
  room.say(*reader, "topic.subscribe t\n");
  Room::take(*slow);
  Room::take(*writer);
  std::string heard;
  for (int i = 0; i < 100; ++i) {
    room.say(*writer, "topic.publish t \"" + std::string(50, 'x') + "\"\n");
    heard += Room::take(*reader);
  }
  CHECK(slow->closing());
  CHECK(slow->ended());
  CHECK_FALSE(reader->closing());
  const std::string left = Room::take(*slow);
  CHECK(left.size() < 2'000);
  CHECK(left.find(form.last) != std::string::npos);
  // It is gone: the last publish had one subscriber.
  const std::string answers = Room::take(*writer);
  CHECK(answers.ends_with("1\n"));
  CHECK(std::count(heard.begin(), heard.end(), '\n') == 101);
}

}  // namespace
}  // namespace agora
