// SPDX-License-Identifier: MIT

// SocketlessServer: a server without sockets. A test plays the bytes of its connections.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/engine/memory_journal.hpp"
#include "server/net/dialogue.hpp"
#include "server/objects/types.hpp"
#include "server/storage/heap_extents.hpp"

namespace agora {

/// A clock that stands still until the test advances it.
class StandingClock : public Clock {
 public:
  Instant now() override { return now_; }
  void advance(Duration span) { now_ += span; }

 private:
  Instant now_{};
};

/// A server without sockets, and the bytes that each connection has received.
class SocketlessServer : private Outbox {
 public:
  explicit SocketlessServer(const Limits& limits = {})
      : machine_(all_types(), extents_, input(limits)) {}

  /// @return the connection's number
  std::size_t connect(Peer peer = {}) {
    dialogues_.push_back(std::make_unique<Dialogue>(context_, std::move(peer)));
    received_.emplace_back();
    return dialogues_.size() - 1;
  }
  Dialogue& dialogue(std::size_t connection) { return *dialogues_[connection]; }

  /// Reads as much as there is room for, as Connection does. @return bytes read
  std::size_t read(std::size_t connection, std::string_view bytes) {
    const std::span<char> room = dialogue(connection).room();
    const std::size_t count = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), count);
    dialogue(connection).received(count);
    return count;
  }
  void send(std::size_t connection, std::string_view bytes) { dialogue(connection).receive(bytes); }
  void advance(Duration span) {
    clock_.advance(span);
    turn();
  }
  /// Runs a turn; the clients read nothing.
  void turn_unread() { engine_.turn(); }
  void turn() {
    engine_.begin_pass();
    engine_.turn();
    engine_.run_deferred();
    for (std::size_t i = 0; i < dialogues_.size(); ++i) take_output(i);
  }
  /// Ends a connection as a broken socket does; its number stays for an empty one.
  void disconnect(std::size_t connection) {
    dialogue(connection).abandon();
    turn();
    dialogues_[connection] = std::make_unique<Dialogue>(context_, Peer{});
  }
  /// Has clients log in. The port must outlive the server.
  void use_logins(LoginPort& port) { engine_.use_logins(port); }
  /// Takes out the bytes that the connection has received since the last call.
  std::string take(std::size_t connection) {
    turn();
    return std::exchange(received_[connection], {});
  }
  /// Runs turns until no backlog and no deferred call is left.
  void finish() {
    turn();
    for (bool more = true; more;) {
      more = engine_.has_deferred();
      if (more) turn();
      for (const auto& dialogue : dialogues_) {
        while (dialogue->has_backlog()) {
          dialogue->proceed();
          turn();
          more = true;
        }
      }
    }
  }
  Engine& engine() { return engine_; }
  Machine& machine() { return machine_; }
  const std::string& received(std::size_t connection) const { return received_[connection]; }
  EncodedValues& encoded() { return context_.encoded; }
  SpareBuffers& spares() { return engine_.spare_buffers(); }

 private:
  static MachineInput input(const Limits& limits) {
    MachineInput made;
    made.limits = limits;
    return made;
  }
  void deliver(const Effect& effect, const Effects& effects) override {
    for (const auto& dialogue : dialogues_) {
      if (dialogue->link() == effect.link) dialogue->deliver(effect, effects);
    }
  }
  void logged_in(LinkId link) override {
    for (const auto& dialogue : dialogues_) {
      if (dialogue->link() == link) dialogue->logged_in();
    }
  }
  void take_output(std::size_t connection) {
    Output& output = dialogue(connection).output();
    do {
      while (!output.empty()) {
        std::array<iovec, 8> parts;
        output.gather(parts);
        received_[connection].append(static_cast<const char*>(parts[0].iov_base), parts[0].iov_len);
        output.consume(parts[0].iov_len);
      }
    } while (dialogue(connection).refill_output());
  }

  HeapExtents extents_;
  StandingClock clock_;
  MemoryJournal journal_;
  Machine machine_;
  Engine engine_{machine_, clock_, journal_, *this};
  DialogueContext context_{engine_};
  std::vector<std::unique_ptr<Dialogue>> dialogues_;
  std::vector<std::string> received_;
};

}  // namespace agora
