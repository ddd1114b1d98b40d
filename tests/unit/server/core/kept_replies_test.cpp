// SPDX-License-Identifier: MIT

// KeptReplies: the records of an opened session's calls, by number.

#include "server/core/state/kept_replies.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/core/state/waiters.hpp"
#include "tests/support/catch.hpp"

namespace agora::test {
namespace {

using State = CallRecord::State;

std::vector<std::uint64_t> numbers(KeptReplies& calls) {
  std::vector<std::uint64_t> found;
  calls.each([&](CallRecord& record) { found.push_back(record.number); });
  return found;
}

void keep(KeptReplies& calls, std::uint64_t number, std::string result) {
  CallRecord record;
  record.number = number;
  record.result = std::move(result);
  calls.add(std::move(record));
}

TEST_CASE("KeptReplies: a kept reply is found and counted until it is forgotten", "[core]") {
  std::size_t total = 0;
  KeptReplies calls{total};
  CHECK(calls.find(1) == nullptr);
  keep(calls, 1, "abc");
  keep(calls, 4, "de");
  CHECK(calls.kept() == 2);
  CHECK(calls.kept_bytes() == 5);
  CHECK(calls.find(1)->result == "abc");
  CHECK(calls.find(2) == nullptr);
  CHECK(calls.find(5) == nullptr);
  calls.forget(1);
  calls.forget(3);
  CHECK(calls.find(1) == nullptr);
  CHECK(calls.kept() == 1);
  CHECK(calls.kept_bytes() == 2);
}

TEST_CASE("KeptReplies: a record between others can be forgotten", "[core]") {
  std::size_t total = 0;
  KeptReplies calls{total};
  for (std::uint64_t number = 1; number <= 3; ++number) keep(calls, number, "x");
  calls.forget(2);
  CHECK(calls.find(2) == nullptr);
  CHECK(numbers(calls) == std::vector<std::uint64_t>{1, 3});
}

TEST_CASE("KeptReplies: a waiting call has no record until it is answered", "[core]") {
  std::size_t total = 0;
  KeptReplies calls{total};
  Waiter waiter;
  calls.wait(1, waiter);
  CHECK(calls.waiter(1) == &waiter);
  CHECK(calls.find(1) == nullptr);
  keep(calls, 2, "b");
  calls.replied(1);
  keep(calls, 1, "a");
  CHECK(calls.waiter(1) == nullptr);
  CHECK(numbers(calls) == std::vector<std::uint64_t>{1, 2});
}

TEST_CASE("KeptReplies: forget_through visits each record once", "[core]") {
  std::size_t total = 0;
  KeptReplies calls{total};
  Waiter waiter;
  keep(calls, 1, "a");
  calls.wait(2, waiter);
  keep(calls, 3, "c");
  keep(calls, 4, "d");
  std::vector<std::uint64_t> visited;
  const auto visit = [&](CallRecord& record) { visited.push_back(record.number); };
  calls.forget_through(3, visit);
  calls.forget_through(3, visit);
  CHECK(visited == std::vector<std::uint64_t>{1, 3});
  CHECK(numbers(calls) == std::vector<std::uint64_t>{4});
  CHECK(calls.waiter(2) == &waiter);
  CHECK(calls.kept() == 1);
}

TEST_CASE("KeptReplies: the record of a repeated read is added before later ones", "[core]") {
  std::size_t total = 0;
  KeptReplies calls{total};
  keep(calls, 1, "a");
  keep(calls, 5, "e");
  CallRecord read;
  read.number = 3;
  read.state = State::read;
  calls.add(std::move(read));
  CHECK(numbers(calls) == std::vector<std::uint64_t>{1, 3, 5});
  CHECK(calls.kept() == 2);
}

TEST_CASE("KeptReplies: records of unacknowledged reads are bounded", "[core]") {
  std::size_t total = 0;
  KeptReplies calls{total};
  keep(calls, 1, "a");
  for (std::uint64_t number = 2; number < KeptReplies::kReadsMax + 12; ++number) {
    CallRecord read;
    read.number = number;
    read.state = State::read;
    calls.add(std::move(read));
  }
  CHECK(numbers(calls).size() == KeptReplies::kReadsMax + 1);
  CHECK(calls.find(1) != nullptr);
  CHECK(calls.find(2) == nullptr);
}

}  // namespace
}  // namespace agora::test
