// SPDX-License-Identifier: MIT

#include <map>

#include "server/auth/authenticator.hpp"
#include "server/objects/types.hpp"
#include "tests/conformance/client_codec.hpp"
#include "tests/conformance/login_keys.hpp"
#include "tests/conformance/transport.hpp"

namespace agora::test {
namespace {

MachineInput input_at(Instant now, const Limits& limits) {
  MachineInput input;
  input.hash_key = {0x1234, 0x5678};
  input.token_floor = 1000;
  input.limits = limits;
  input.started = now;
  return input;
}

class CoreTransport : public Transport, private Outbox {
 public:
  explicit CoreTransport(const Backend& backend)
      : journal_(make_journal(backend)),
        extents_(make_extents(backend)),
        machine_(all_types(), *extents_, input_at(clock_.now(), backend.limits())),
        engine_(machine_, clock_, *journal_, *this) {
    if (backend.keys) {
      port_ = std::make_unique<Authenticator>(login_keys(), "host", [](const std::string&) {});
      engine_.use_logins(*port_);
    }
    link_of("control");
  }

  std::vector<SessionMessage> call(const std::string& session, const std::string& line) override {
    const ParsedLine parsed = parse_line(machine_.catalogue(), line);
    own_ = ++last_tag_;
    CallRequest request;
    request.link = link_of(session);
    request.tag = own_;
    if (port_ != nullptr) {
      request.access = &access_of(session);
      request.role = request.access->role;
    } else {
      request.role = Role::admin;
    }
    request.method = parsed.method;
    request.params = PackedView{parsed.params};
    if (!parsed.error.empty()) {
      messages_.push_back({session, parsed.error, true});
    } else if (auto accepted = engine_.call(request); !accepted) {
      messages_.push_back({session, typed_text(accepted.error()), true});
    }
    return collect();
  }
  std::vector<SessionMessage> close(const std::string& session) override {
    own_ = 0;
    engine_.close(link_of(session));
    std::vector<SessionMessage> messages = collect();
    sessions_.erase(session);
    accesses_.erase(session);
    return messages;
  }
  std::vector<SessionMessage> advance(double seconds) override {
    own_ = 0;
    clock_.advance(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    return collect();
  }

 private:
  LinkId link_of(const std::string& name) {
    const auto it = sessions_.find(name);
    if (it != sessions_.end()) return it->second;
    Peer peer;
    peer.transport = "test";
    if (port_ != nullptr) peer.role = Role::none;
    return sessions_[name] = engine_.open(peer);
  }
  /// Returns the rights of a session that has to log in.
  ClientAccess& access_of(const std::string& session) {
    auto& access = accesses_[session];
    if (access == nullptr) {
      access = std::make_unique<ClientAccess>();
      access->role = Role::none;
      access->login = port_->begin(Peer{});
    }
    return *access;
  }
  std::vector<SessionMessage> collect() {
    for (int i = 0; i < 8 || engine_.has_deferred(); ++i) {
      engine_.begin_pass();
      engine_.turn();
      engine_.run_deferred();
    }
    return std::exchange(messages_, {});
  }
  void deliver(const Effect& effect, const Effects& effects) override {
    for (const auto& [name, id] : sessions_) {
      if (id != effect.link) continue;
      if (effect.kind == Effect::Kind::reply) {
        messages_.push_back({name, typed_text(effects.result(effect)), effect.tag == own_});
      } else if (effect.kind == Effect::Kind::failure) {
        messages_.push_back({name, typed_text(*effect.error), effect.tag == own_});
      } else if (effect.kind == Effect::Kind::notice) {
        messages_.push_back({name, typed_text(effects.result(effect)), false, true});
      }
    }
  }

  ManualClock clock_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<ExtentSource> extents_;
  Machine machine_;
  Engine engine_;
  std::unique_ptr<Authenticator> port_;  // null: no session has to log in
  std::map<std::string, LinkId> sessions_;
  std::map<std::string, std::unique_ptr<ClientAccess>> accesses_;
  std::vector<SessionMessage> messages_;
  std::uint64_t last_tag_ = 0;
  std::uint64_t own_ = 0;
};

}  // namespace

std::unique_ptr<Transport> core_transport(const Backend& backend) {
  return std::make_unique<CoreTransport>(backend);
}

}  // namespace agora::test
