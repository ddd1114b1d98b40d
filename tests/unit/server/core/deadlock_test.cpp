// What a Deadlock carries: the circle, the closing call first.

#include <map>

#include "server/core/scalar.hpp"
#include "shared/value/describe.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

TEST_CASE("A deadlock names everybody in the circle, the closing call first", "[objects]") {
  MachineCalls call;
  call("object.create", "lock", "a");
  call("object.create", "lock", "b");
  call("lock.acquire", "a", nullptr, "one");
  call("lock.acquire", "b", nullptr, "two");
  REQUIRE(call("lock.acquire", "b", nullptr, "one").waits);
  REQUIRE(call("lock.acquire", "a", nullptr, "two").error == "Deadlock");

  const Error& error = *call.effects().list.back().error;
  CHECK(error.done == Done::no);
  REQUIRE(error.details.size() == 2);
  REQUIRE(error.details[0].name == "cycle");
  const PackedView cycle{error.details[0].packed};
  Reader reader{cycle};
  Token token;
  REQUIRE(reader.next(token) == Reader::Status::ok);
  REQUIRE(token.count == 2);
  const char* const entries[2][2] = {{"two", "a"}, {"one", "b"}};
  for (const auto& entry : entries) {
    REQUIRE(reader.next(token) == Reader::Status::ok);
    REQUIRE(token.count == 5);
    std::map<std::string, std::string> found;
    for (int i = 0; i < 5; ++i) {
      const std::string key{read(reader.value()).body};
      found[key] = describe(reader.value());
    }
    const std::map<std::string, std::string> expected{
        {"session", "text \"s1\""},
        {"host", "text \"\""},
        {"pid", "null"},
        {"owner", "text \"" + std::string{entry[0]} + "\""},
        {"lock", "text \"" + std::string{entry[1]} + "\""}};
    CHECK(found == expected);
  }
}

}  // namespace
}  // namespace agora::test
