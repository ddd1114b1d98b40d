#include "tests/conformance/link.hpp"
#include "tests/conformance/speaker.hpp"

namespace agora::test {
namespace {

class WireDoor : public Transport {
 public:
  WireDoor(std::unique_ptr<Host> host, Speech speech) : host_(std::move(host)), speech_(speech) {
    // Moves the clock along; the first session, as in every transport.
    control_ = host_->connect(Speech::json);
    tick_ = speaker(Speech::json, host_->catalogue());
  }

  std::vector<Answer> call(const std::string& session, const std::string& line) override {
    if (speech_ != Speech::typed) {
      const Spoken spoken = understand(host_->catalogue(), line);
      if (!spoken.refusal.empty()) return {{session, spoken.refusal, true}};
    }
    Line& way = line_of(session);
    own_ = ++last_number_;
    way.link->send(way.speaker->say(own_, line));
    return settle();
  }
  std::vector<Answer> close(const std::string& session) override {
    own_ = 0;
    line_of(session).link->shut();
    std::vector<Answer> answers = settle();
    lines_.erase(session);
    return answers;
  }
  std::vector<Answer> advance(double seconds) override {
    host_->clock().advance(
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    own_ = 0;
    control_->send(tick_->say(1, "ping"));
    return settle();
  }

 private:
  struct Line {
    std::unique_ptr<Link> link;
    std::unique_ptr<Speaker> speaker;
  };
  Line& line_of(const std::string& session) {
    const auto it = lines_.find(session);
    if (it != lines_.end()) return it->second;
    return lines_[session] = {host_->connect(speech_), speaker(speech_, host_->catalogue())};
  }
  std::vector<Answer> settle() {
    std::vector<Answer> answers;
    // Loopback hands bytes over within the system call that sends them, so a few quiet rounds
    // mean that nothing is under way.
    for (int quiet = 0; quiet < 4; ++quiet) {
      if (host_->work()) quiet = 0;
      control_->receive();
      for (auto& [name, line] : lines_) {
        const std::string bytes = line.link->receive();
        if (!bytes.empty()) quiet = 0;
        for (Speaker::Heard& heard : line.speaker->hear(bytes)) {
          answers.push_back(
              {name, std::move(heard.text), heard.number == own_ && own_ != 0, heard.number == 0});
        }
      }
    }
    return answers;
  }

  std::unique_ptr<Host> host_;
  Speech speech_;
  std::unique_ptr<Link> control_;
  std::unique_ptr<Speaker> tick_;
  std::map<std::string, Line> lines_;
  std::uint64_t last_number_ = 0;
  std::uint64_t own_ = 0;
};

}  // namespace

std::unique_ptr<Transport> wire_transport(const Backend& backend, Speech speech, Wiring wiring) {
  const bool dialogue = wiring == Wiring::whole || wiring == Wiring::bytewise;
  auto host =
      dialogue ? dialogue_host(backend, wiring == Wiring::bytewise) : socket_host(backend, wiring);
  return std::make_unique<WireDoor>(std::move(host), speech);
}

}  // namespace agora::test
