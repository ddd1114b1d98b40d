#include <map>

#include "server/objects/types.hpp"
#include "tests/conformance/speaker.hpp"
#include "tests/conformance/transport.hpp"

namespace agora::test {
namespace {

MachineInput input_at(Instant now) {
  MachineInput input;
  input.hash_key = {0x1234, 0x5678};
  input.token_floor = 1000;
  input.started = now;
  return input;
}

class CoreDoor : public Transport, private Outbox {
 public:
  explicit CoreDoor(const Backend& backend)
      : journal_(journal_of(backend)),
        extents_(extents_of(backend)),
        machine_(all_types(), *extents_, input_at(clock_.now())),
        engine_(machine_, clock_, *journal_, *this) {
    link_of("control");
  }

  std::vector<Answer> call(const std::string& session, const std::string& line) override {
    const Spoken spoken = understand(machine_.catalogue(), line);
    own_ = ++last_tag_;
    CallRequest request;
    request.link = link_of(session);
    request.tag = own_;
    request.role = Role::admin;
    request.method = spoken.method;
    request.params = PackedView{spoken.params};
    if (!spoken.refusal.empty()) {
      answers_.push_back({session, spoken.refusal, true});
    } else if (auto taken = engine_.call(request); !taken) {
      answers_.push_back({session, shown(taken.error()), true});
    }
    return settle();
  }
  std::vector<Answer> close(const std::string& session) override {
    own_ = 0;
    engine_.close(link_of(session));
    std::vector<Answer> answers = settle();
    sessions_.erase(session);
    return answers;
  }
  std::vector<Answer> advance(double seconds) override {
    own_ = 0;
    clock_.advance(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    return settle();
  }

 private:
  LinkId link_of(const std::string& name) {
    const auto it = sessions_.find(name);
    if (it != sessions_.end()) return it->second;
    Peer peer;
    peer.transport = "test";
    return sessions_[name] = engine_.open(peer);
  }
  std::vector<Answer> settle() {
    for (int i = 0; i < 8; ++i) engine_.turn();
    return std::exchange(answers_, {});
  }
  void deliver(const Effect& effect, const Effects& effects) override {
    for (const auto& [name, id] : sessions_) {
      if (id != effect.link) continue;
      if (effect.kind == Effect::Kind::reply) {
        answers_.push_back({name, shown(effects.result(effect)), effect.tag == own_});
      } else if (effect.kind == Effect::Kind::failure) {
        answers_.push_back({name, shown(*effect.error), effect.tag == own_});
      } else if (effect.kind == Effect::Kind::notice) {
        answers_.push_back({name, shown(effects.result(effect)), false, true});
      }
    }
  }

  ManualClock clock_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<ExtentSource> extents_;
  Machine machine_;
  Engine engine_;
  std::map<std::string, LinkId> sessions_;
  std::vector<Answer> answers_;
  std::uint64_t last_tag_ = 0;
  std::uint64_t own_ = 0;
};

}  // namespace

std::unique_ptr<Transport> core_transport(const Backend& backend) {
  return std::make_unique<CoreDoor>(backend);
}

}  // namespace agora::test
