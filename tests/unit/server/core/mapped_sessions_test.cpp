// SPDX-License-Identifier: MIT

// Sessions that map shared memory: the process with which they end, and their ttl.

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
  std::size_t releases() const override { return 0; }
  int descriptor(std::size_t) const override { return -1; }

 private:
  std::array<SharedExtent, 1> all_{SharedExtent{false, 0, 1, false}};
};

/// A machine with shared memory, a session on link 1, and link 2 for session.map.
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

TEST_CASE("session.map: it is refused after session.unmap", "[core][sessions]") {
  Mapped session;
  session.call.over(1, 2, "session.unmap");
  CHECK(session.map().error == "Forbidden");
  CHECK(!session.mapped());
}

TEST_CASE("mapped session: without a watch on its process it keeps its ttl", "[core][sessions]") {
  Mapped session;
  CHECK(session.map().error == "");
  CHECK(session.effect(Effect::Kind::extents));
  CHECK(session.mapped());
  session.call.not_mapped(1);
  CHECK(!session.mapped());
  for (int i = 0; i < 30; ++i)
    session.call.advance(0.4);  // in steps: one long step would be a stalled server
  CHECK(session.call.over(3, 0, "session.resume", session.name, "token").error == "SessionLost");
}

TEST_CASE("mapped session: it ends with the mapping process, even if another one resumes it",
          "[core][sessions]") {
  Mapped session;
  session.map();
  CHECK(session.call.over(3, 0, "session.resume", session.name, "token").error == "");
  CHECK(session.effect(Effect::Kind::session_moved));
  CHECK(!session.effect(Effect::Kind::session_attached));
}

}  // namespace agora::test
