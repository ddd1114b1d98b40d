// SPDX-License-Identifier: MIT

// A subscriber that does not read its notices is cut off, with a reason in its own protocol.

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

/// A server without sockets, with a small bound on output.
class SocketlessServer : private Outbox {
 public:
  std::unique_ptr<Dialogue> connect() {
    auto dialogue = std::make_unique<Dialogue>(context_, Peer{});
    dialogues_[dialogue->link()] = dialogue.get();
    return dialogue;
  }
  void send(Dialogue& dialogue, std::string_view bytes) {
    dialogue.receive(bytes);
    engine_.turn();
  }
  static std::string take_output(Dialogue& dialogue) {
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

struct Subscriber {
  const char* subscribe;
  std::string_view last;  ///< a part of the last message
};

TEST_CASE("dialogue: a subscriber that does not read is cut off with a reason", "[net]") {
  const Subscriber subscriber =
      GENERATE(Subscriber{"topic.subscribe t\n", "\nOverloaded: more than 1000 bytes"},
               Subscriber{"{\"id\":1,\"method\":\"topic.subscribe\",\"params\":[\"t\"]}\n",
                          "\n{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":27"},
               Subscriber{"\x94\x00\x01\xaftopic.subscribe\x91\xa1t", "Overloaded"});
  SocketlessServer server;
  const auto writer = server.connect();
  const auto reader = server.connect();
  const auto slow = server.connect();
  server.send(*writer, "object.create topic t\n");
  const std::string_view subscribe{subscriber.subscribe, subscriber.subscribe[0] == '\x94'
                                                             ? 22
                                                             : std::strlen(subscriber.subscribe)};
  server.send(*slow, subscribe);
  server.send(*reader, "topic.subscribe t\n");
  SocketlessServer::take_output(*slow);
  SocketlessServer::take_output(*writer);
  std::string notices;
  for (int i = 0; i < 100; ++i) {
    server.send(*writer, "topic.publish t \"" + std::string(50, 'x') + "\"\n");
    notices += SocketlessServer::take_output(*reader);
  }
  CHECK(slow->closing());
  CHECK(slow->ended());
  CHECK_FALSE(reader->closing());
  const std::string left = SocketlessServer::take_output(*slow);
  CHECK(left.size() < 2'000);
  CHECK(left.find(subscriber.last) != std::string::npos);
  // The slow subscriber is gone: the last publish had one subscriber.
  const std::string replies = SocketlessServer::take_output(*writer);
  CHECK(replies.ends_with("1\n"));
  CHECK(std::count(notices.begin(), notices.end(), '\n') == 101);
}

}  // namespace
}  // namespace agora
