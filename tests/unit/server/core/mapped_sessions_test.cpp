// Sessions that share memory: whose end they share, and when they have a ttl.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "server/storage/sharing.hpp"
#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

class OneExtent : public Sharing {
 public:
  std::span<const SharedExtent> extents() const override { return all_; }
  int descriptor(std::size_t) const override { return -1; }

 private:
  std::array<SharedExtent, 1> all_{SharedExtent{false, 0, 1}};
};

/// A machine that shares, a session on link 1, and link 2 to map by.
class Mapped {
 public:
  Mapped() {
    call.open(2);
    call.open(3);
    for (const std::uint64_t link : {1, 2}) {
      Link& known = *call.machine().sessions().find(LinkId{link});
      known.peer.may_map = true;
      known.session->peer.may_map = true;
      known.session->peer.secret = "token";
    }
    auto opened = call.over(1, 1, "session.open").as<std::map<std::string, any>>();
    name = *opened.at("session").get<std::string>();
  }
  Given map() { return call.over(2, 0, "session.map", name, "token"); }
  bool mapped() { return call.machine().sessions().find(call.session(1))->mapped; }
  bool effect(Effect::Kind kind) {
    for (const Effect& each : call.effects().list) {
      if (each.kind == kind) return true;
    }
    return false;
  }

 private:
  OneExtent extents_;

 public:
  MachineCalls call{input(extents_)};
  std::string name;

 private:
  static MachineInput input(const Sharing& sharing) {
    MachineInput made;
    made.sharing = &sharing;
    return made;
  }
};

}  // namespace

TEST_CASE("A session.map that arrives behind session.unmap gives nothing", "[core][sessions]") {
  Mapped session;
  session.call.over(1, 2, "session.unmap");
  CHECK(session.map().error == "Forbidden");
  CHECK(!session.mapped());
}

TEST_CASE("A session whose process cannot be watched keeps its ttl", "[core][sessions]") {
  Mapped session;
  CHECK(session.map().error == "");
  CHECK(session.effect(Effect::Kind::extents));
  CHECK(session.mapped());
  session.call.not_mapped(1);
  CHECK(!session.mapped());
  for (int i = 0; i < 30; ++i) session.call.advance(0.4);  // by steps: else the server stood still
  CHECK(session.call.over(3, 0, "session.resume", session.name, "token").error == "SessionLost");
}

TEST_CASE("A session that shares memory ends with the process that has it, whoever resumes it",
          "[core][sessions]") {
  Mapped session;
  session.map();
  CHECK(session.call.over(3, 0, "session.resume", session.name, "token").error == "");
  CHECK(session.effect(Effect::Kind::session_moved));
  CHECK(!session.effect(Effect::Kind::session_attached));
}

}  // namespace agora::test
