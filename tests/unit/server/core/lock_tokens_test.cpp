// Fencing tokens of locks whose words programs write, some of them nonsense.

#include "shared/shm/lock_word.hpp"
#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// A lock that is lent, and what its word says.
class LentLock {
 public:
  LentLock(MachineCalls& call, const std::string& name) : machine_(call.machine()) {
    REQUIRE(call("object.create", "lock", name).error == "");
    Object* const lock = machine_.registry().find(name);
    REQUIRE(lock != nullptr);
    REQUIRE(lock->state->locate(machine_, *lock, place_));
    lock->state->as_lock()->lend(machine_, *lock);
  }
  std::uint64_t count() const { return shm::LockWord{words().load(place_.first)}.count(); }
  /// The token of the grant that the word counts.
  std::uint64_t token() const { return place_.token_base + count(); }
  /// A program takes and frees it so often, or says so.
  void count_on(std::uint64_t grants) {
    std::uint64_t found = words().load(place_.first);
    const std::uint64_t bits = shm::LockWord::of(count() + grants, false).bits;
    REQUIRE(words().compare_exchange(place_.first, found, bits));
  }

 private:
  Words& words() const { return machine_.lending().words(); }
  Machine& machine_;
  Located place_;
};

std::uint64_t token_of(const Given& given) {
  return *given.as<std::map<std::string, any>>().at("token").get<std::uint64_t>();
}

}  // namespace

TEST_CASE("A lock that was spoilt leaves the tokens of later ones room", "[core][lending]") {
  MachineCalls call;
  LentLock spoilt{call, "spoilt"};
  spoilt.count_on(std::uint64_t{1} << 46);
  REQUIRE(call("lock.locked", "spoilt").error == "");  // the server hears of it
  REQUIRE(call("object.delete", "spoilt").error == "");

  LentLock next{call, "next"};
  next.count_on(1'000);
  const std::uint64_t last = next.token();
  CHECK(last < std::uint64_t{1} << 53);
  CHECK(token_of(call("lock.acquire", "next")) == last + 1);
}

}  // namespace agora::test
