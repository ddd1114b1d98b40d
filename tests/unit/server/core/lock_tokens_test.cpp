// SPDX-License-Identifier: MIT

// Fencing tokens of locks whose words clients write, also with corrupt values.

#include "shared/shm/lock_word.hpp"
#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// A lent lock and its word.
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
  /// Returns the token of the last grant that the word counts.
  std::uint64_t token() const { return place_.token_base + count(); }
  /// Adds grants to the word's count, as a client would that takes and frees the lock.
  void add_grants(std::uint64_t grants) {
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

TEST_CASE("lock: a corrupt lock word does not exhaust the tokens of later locks",
          "[core][lending]") {
  MachineCalls call;
  LentLock corrupt{call, "corrupt"};
  corrupt.add_grants(std::uint64_t{1} << 46);
  REQUIRE(call("lock.locked", "corrupt").error == "");  // the server takes the word back
  REQUIRE(call("object.delete", "corrupt").error == "");

  LentLock next{call, "next"};
  next.add_grants(1'000);
  const std::uint64_t last = next.token();
  CHECK(last < std::uint64_t{1} << 53);
  CHECK(token_of(call("lock.acquire", "next")) == last + 1);
}

}  // namespace agora::test
