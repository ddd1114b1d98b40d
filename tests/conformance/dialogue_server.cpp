// SPDX-License-Identifier: MIT

#include <map>

#include "server/auth/authenticator.hpp"
#include "server/net/dialogue.hpp"
#include "server/objects/types.hpp"
#include "tests/conformance/login_keys.hpp"
#include "tests/conformance/test_server.hpp"

namespace agora::test {
namespace {

class DialogueServer : public TestServer, private Outbox {
 public:
  DialogueServer(const Backend& backend, bool bytewise)
      : bytewise_(bytewise),
        journal_(make_journal(backend)),
        extents_(make_extents(backend)),
        machine_(all_types(), *extents_, input(backend)),
        engine_(machine_, clock_, *journal_, *this),
        context_(engine_) {
    if (!backend.keys) return;
    port_ = std::make_unique<Authenticator>(login_keys(), "host", [](const std::string&) {});
    engine_.use_logins(*port_);
  }

  std::unique_ptr<ClientConnection> connect(WireFormat format) override;
  bool poll() override {
    for (int i = 0; i < 8 || engine_.has_deferred(); ++i) {
      engine_.begin_pass();
      engine_.turn();
      engine_.run_deferred();
      for (auto& [id, dialogue] : dialogues_) {
        if (dialogue->has_backlog()) dialogue->proceed();
      }
    }
    return false;
  }
  ManualClock& clock() override { return clock_; }
  const Catalogue& catalogue() override { return machine_.catalogue(); }

 private:
  friend class DialogueConnection;
  MachineInput input(const Backend& backend) {
    MachineInput made;
    made.limits = backend.limits();
    made.hash_key = {0x1234, 0x5678};
    made.token_floor = 1000;
    made.started = clock_.now();
    return made;
  }
  void deliver(const Effect& effect, const Effects& effects) override {
    const auto it = dialogues_.find(effect.link);
    if (it != dialogues_.end()) it->second->deliver(effect, effects);
  }

  void logged_in(LinkId link) override {
    const auto it = dialogues_.find(link);
    if (it != dialogues_.end()) it->second->logged_in();
  }

  bool bytewise_;
  ManualClock clock_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<ExtentSource> extents_;
  Machine machine_;
  std::unique_ptr<Authenticator> port_;  // null: no client has to log in
  Engine engine_;
  DialogueContext context_;
  std::map<LinkId, std::unique_ptr<Dialogue>> dialogues_;
};

class DialogueConnection : public ClientConnection {
 public:
  DialogueConnection(DialogueServer& server, Dialogue& dialogue)
      : server_(server), dialogue_(dialogue) {}
  void send(const std::string& bytes) override {
    if (!server_.bytewise_) return dialogue_.receive(bytes);
    for (const char byte : bytes) dialogue_.receive({&byte, 1});
  }
  std::string receive() override {
    std::string bytes;
    Output& output = dialogue_.output();
    while (!output.empty()) {
      std::array<iovec, 4> parts;
      const std::size_t count = output.gather(parts);
      for (std::size_t i = 0; i < count; ++i) {
        bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
        output.consume(parts[i].iov_len);
        if (i + 1 < count) break;  // consume moved the rest
      }
    }
    return bytes;
  }
  void shut_down() override { dialogue_.end_of_input(); }

 private:
  DialogueServer& server_;
  Dialogue& dialogue_;
};

std::unique_ptr<ClientConnection> DialogueServer::connect(WireFormat) {
  Peer peer;
  peer.transport = "test";
  peer.role = port_ != nullptr ? Role::none : Role::admin;
  auto dialogue = std::make_unique<Dialogue>(context_, peer);
  Dialogue& made = *dialogue;
  dialogues_.emplace(made.link(), std::move(dialogue));
  return std::make_unique<DialogueConnection>(*this, made);
}

}  // namespace

std::unique_ptr<TestServer> dialogue_server(const Backend& backend, bool bytewise) {
  return std::make_unique<DialogueServer>(backend, bytewise);
}

}  // namespace agora::test
