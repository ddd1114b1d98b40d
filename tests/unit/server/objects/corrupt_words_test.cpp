// SPDX-License-Identifier: MIT

// Words that clients write while the server operates on them: an operation that the server can do
// in one step succeeds whatever they write, and garbage harms only that object.

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "shared/value/any.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

using Members = std::map<std::string, any>;

/// A machine and a session that may write to its words.
class LentWords {
 public:
  LentWords() {
    call("session.open");
    call.machine().sessions().find(call.session(1))->mapped = true;
  }
  Given operator()(std::string_view method, const auto&... arguments) {
    return call.over(1, ++number_, method, arguments...);
  }
  void create(const char* type, const std::string& name, const Packed& arguments, bool wrap) {
    const std::map<std::string, bool> options{{"local", true}, {"wrap", wrap}};
    REQUIRE((*this)("object.create", type, name, arguments, options).error == "");
  }
  std::uint64_t* word(const std::string& name) {
    auto place = (*this)("session.locate", name).as<Members>();
    const auto number = static_cast<WordPlace>(*place.at("word").get<std::uint64_t>());
    return reinterpret_cast<std::uint64_t*>(call.machine().lending().words().at(number));
  }

  void acknowledge() { (*this)("session.acknowledge", number_); }

  MachineCalls call;

 private:
  std::uint64_t number_ = 0;
};

/// Modifies a word continuously in a thread of its own.
class Meddler {
 public:
  template <typename Step>
  explicit Meddler(Step step)
      : thread_([this, step] {
          while (!over_) {
            step();
            ++steps_;
          }
        }) {
    while (steps_ == 0) {
    }
  }
  ~Meddler() { end(); }
  Meddler(const Meddler&) = delete;
  Meddler& operator=(const Meddler&) = delete;
  std::uint64_t end() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
    return steps_;
  }

 private:
  std::atomic<bool> over_{false};
  std::atomic<std::uint64_t> steps_{0};
  std::thread thread_;
};

}  // namespace

TEST_CASE(
    "corrupt words: an impossible count does not raise the tokens of other locks beyond "
    "2^53",
    "[objects][lending]") {
  LentWords lent;
  for (int i = 0; i < 100; ++i) {
    REQUIRE(lent("object.create", "lock", "l").error == "");
    std::uint64_t* const word = lent.word("l");
    __atomic_store_n(word, shm::LockWord::of((std::uint64_t{1} << 48) - 2, false).bits,
                     __ATOMIC_SEQ_CST);
    auto grant = lent("lock.acquire", "l").as<Members>();
    REQUIRE(*grant.at("token").get<std::uint64_t>() < std::uint64_t{1} << 53);
    lent("object.delete", "l");
  }
  lent("object.create", "lock", "other");
  auto grant = lent("lock.acquire", "other").as<Members>();
  CHECK(*grant.at("token").get<std::uint64_t>() < std::uint64_t{1} << 32);
}

TEST_CASE("corrupt words: tokens issued as fast as memory allows are not clamped",
          "[objects][lending]") {
  LentWords lent;
  lent("object.create", "lock", "l");
  std::uint64_t* const word = lent.word("l");
  const std::uint64_t grants = 100'000'000;
  lent.call.advance(2);
  __atomic_fetch_add(word, grants << 16, __ATOMIC_SEQ_CST);
  auto grant = lent("lock.acquire", "l").as<Members>();
  CHECK(*grant.at("token").get<std::uint64_t>() == grants + 1);
}

TEST_CASE("corrupt words: wrapping sums are exact beside a client that adds continuously",
          "[objects][lending]") {
  LentWords lent;
  lent.create("value", "v", pack(std::make_tuple("Q", 0)), true);
  lent.create("array", "a", pack(std::make_tuple("i", 4)), true);
  auto& value = *lent.word("v");
  auto& element = reinterpret_cast<std::uint32_t*>(lent.word("a"))[2];
  Meddler meddler([&] {
    __atomic_fetch_add(&value, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&element, 1, __ATOMIC_SEQ_CST);
  });
  for (int i = 0; i < 2000; ++i) {
    REQUIRE(lent("value.add", "v", 3).error == "");
    REQUIRE(lent("array.add", "a", 2, -3).error == "");
    lent.acknowledge();
  }
  const std::uint64_t steps = meddler.end();
  CHECK(lent("value.get", "v").as<std::uint64_t>() == steps + 6000);
  CHECK(lent("array.get", "a", 2).as<std::int64_t>() ==
        static_cast<std::int32_t>(static_cast<std::uint32_t>(steps - 6000)));
}

TEST_CASE("corrupt words: a client that writes a number continuously blocks no other caller",
          "[objects][lending]") {
  LentWords lent;
  lent.create("value", "v", pack(std::make_tuple("d", 0)), false);
  auto& value = *lent.word("v");
  std::uint64_t bits = 0;
  // 0.0 and -0.0 by turns: equal, and never the same bits.
  Meddler meddler([&] { __atomic_store_n(&value, ++bits << 63, __ATOMIC_SEQ_CST); });
  for (int i = 0; i < 200; ++i) {
    const Given set = lent("value.compare_and_set", "v", 0, -0.0);
    CHECK((set.as<bool>() || set.error == "Timeout"));
    const Given sum = lent("value.add", "v", 0.0);
    CHECK((sum.as<double>() == 0 || sum.error == "Timeout"));
    CHECK(lent("value.exchange", "v", 0).as<double>() == 0);
    lent.acknowledge();
  }
}

}  // namespace agora::test
