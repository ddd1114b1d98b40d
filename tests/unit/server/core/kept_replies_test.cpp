// KeptReplies: the records of an opened session's calls, by number.

#include "server/core/kept_replies.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/catch.hpp"

namespace agora::test {
namespace {

using State = CallRecord::State;

std::vector<std::uint64_t> numbers(KeptReplies& calls) {
  std::vector<std::uint64_t> found;
  calls.each([&](CallRecord& record) { found.push_back(record.number); });
  return found;
}

CallRecord& keep(KeptReplies& calls, std::uint64_t number, std::string result) {
  CallRecord& record = calls.enter(number, State::waiting);
  record.result = std::move(result);
  calls.keep(record, State::kept);
  return record;
}

TEST_CASE("A kept reply is found and counted until it is forgotten", "[core]") {
  KeptReplies calls;
  CHECK(calls.find(1) == nullptr);
  keep(calls, 1, "abc");
  keep(calls, 4, "de");
  CHECK(calls.kept() == 2);
  CHECK(calls.kept_bytes() == 5);
  CHECK(calls.find(1)->result == "abc");
  CHECK(calls.find(2) == nullptr);
  CHECK(calls.find(5) == nullptr);
  calls.forget(*calls.find(1));
  calls.trim();
  CHECK(calls.find(1) == nullptr);
  CHECK(calls.kept() == 1);
  CHECK(calls.kept_bytes() == 2);
}

TEST_CASE("A record that is forgotten behind one that is not keeps the order", "[core]") {
  KeptReplies calls;
  keep(calls, 1, "a");
  keep(calls, 2, "b");
  keep(calls, 3, "c");
  calls.forget(*calls.find(2));
  calls.trim();
  CHECK(calls.find(2) == nullptr);
  CHECK(numbers(calls) == std::vector<std::uint64_t>{1, 3});
  CHECK(calls.find(3)->result == "c");
}

TEST_CASE("A waiting call is not kept until it is answered", "[core]") {
  KeptReplies calls;
  calls.enter(1, State::waiting);
  CHECK(calls.kept() == 0);
  CHECK(calls.find(1)->state == State::waiting);
  CallRecord& record = *calls.find(1);
  record.result = "now";
  calls.keep(record, State::kept);
  CHECK(calls.kept() == 1);
  CHECK(calls.kept_bytes() == 3);
}

TEST_CASE("Forgetting through a number meets each record once and spares what waits", "[core]") {
  KeptReplies calls;
  keep(calls, 1, "a");
  calls.enter(2, State::waiting);
  keep(calls, 3, "c");
  keep(calls, 4, "d");
  std::vector<std::uint64_t> met;
  const auto meet = [&](CallRecord& record) { met.push_back(record.number); };
  calls.forget_through(3, meet);
  calls.forget_through(3, meet);
  CHECK(met == std::vector<std::uint64_t>{1, 3});
  CHECK(numbers(calls) == std::vector<std::uint64_t>{2, 4});
  CHECK(calls.kept() == 1);
}

TEST_CASE("A read that is made again enters below others", "[core]") {
  KeptReplies calls;
  keep(calls, 1, "a");
  keep(calls, 5, "e");
  CallRecord& read = calls.enter(3, State::read);
  read.ties = std::make_unique<CallTies>();
  read.ties->held.push_back(ObjectId{9});
  CHECK(numbers(calls) == std::vector<std::uint64_t>{1, 3, 5});
  CHECK(calls.kept() == 2);
  CHECK(calls.find(3)->ties->held.size() == 1);
  CHECK(calls.find(5)->result == "e");
}

}  // namespace
}  // namespace agora::test
