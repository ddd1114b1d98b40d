// SPDX-License-Identifier: MIT

// Lending: when owner slots and the words of deleted objects are reused.

#include "server/core/state/lending.hpp"

#include "server/storage/heap_extents.hpp"
#include "tests/support/catch.hpp"

namespace agora::test {
namespace {

constexpr SessionId kFirst{1};
constexpr SessionId kSecond{2};
constexpr ObjectId kLock{10};

void write(Lending& lending, WordPlace word, std::uint64_t bits) {
  std::uint64_t found = lending.words().load(word);
  REQUIRE(lending.words().compare_exchange(word, found, bits));
}

}  // namespace

TEST_CASE("Lending: a lock word is reused after all sessions have unlocated it",
          "[core][lending]") {
  HeapExtents memory;
  Lending lending(memory);
  const auto word = lending.lock_word(kLock);
  lending.locate(kFirst, kLock);
  lending.locate(kFirst, kLock);
  lending.locate(kSecond, kLock);
  lending.free_word(kLock, *word, 0);
  CHECK(lending.lock_word(ObjectId{11}) != word);
  lending.unlocate(kFirst, kLock);
  lending.unlocate(kFirst, kLock);
  lending.unlocate(kFirst, kLock);  // once more than it was located
  CHECK(lending.lock_word(ObjectId{12}) != word);
  lending.session_ended(kSecond, true);
  CHECK(lending.lock_word(ObjectId{13}) == word);
}

TEST_CASE("Lending: words of a session that may still write are never reused", "[core][lending]") {
  HeapExtents memory;
  Lending lending(memory);
  const auto word = lending.lock_word(kLock);
  const std::uint32_t slot = lending.acquire_slot(kFirst, "t1");
  lending.locate(kFirst, kLock);
  lending.session_ended(kFirst, false);
  lending.free_word(kLock, *word, 0);
  CHECK(lending.lock_word(ObjectId{11}) != word);
  CHECK(lending.acquire_slot(kSecond, "t1") != slot);
}

TEST_CASE("Lending: a slot that a lock word names is not reused", "[core][lending]") {
  HeapExtents memory;
  Lending lending(memory);
  const auto word = lending.lock_word(kLock);
  const std::uint32_t slot = lending.acquire_slot(kFirst, "t1");
  write(lending, *word, shm::LockWord{}.taken_by(slot).bits);
  CHECK(lending.held_by(kFirst) == std::vector{kLock});
  lending.release_slot(kFirst, slot);
  REQUIRE(lending.owner_of(slot) != nullptr);
  CHECK(lending.owner_of(slot)->owner == "t1");
  write(lending, *word, shm::LockWord::of(1, false).bits);
  lending.release_slot(kFirst, slot);
  CHECK(lending.owner_of(slot) == nullptr);
  CHECK(lending.acquire_slot(kSecond, "t2") == slot);
}

TEST_CASE("Lending: the slot of a thread that ended as a holder is reused after the release",
          "[core][lending]") {
  HeapExtents memory;
  Lending lending(memory, 2);
  const auto word = lending.lock_word(kLock);
  const std::uint32_t slot = lending.acquire_slot(kFirst, "t1");
  write(lending, *word, shm::LockWord{}.taken_by(slot).bits);
  lending.release_slot(kFirst, slot);
  CHECK(lending.acquire_slot(kFirst, "t2") != 0);
  CHECK(lending.acquire_slot(kFirst, "t3") == 0);
  write(lending, *word, shm::LockWord::of(1, true).bits);
  CHECK(lending.acquire_slot(kFirst, "t3") == slot);
  lending.session_ended(kFirst, true);
  CHECK(lending.owner_of(slot) == nullptr);
}

TEST_CASE("Lending: the end of a session frees its released slots", "[core][lending]") {
  HeapExtents memory;
  Lending lending(memory, 1);
  const auto word = lending.lock_word(kLock);
  const std::uint32_t slot = lending.acquire_slot(kFirst, "t1");
  write(lending, *word, shm::LockWord{}.taken_by(slot).bits);
  lending.release_slot(kFirst, slot);
  lending.session_ended(kFirst, true);
  CHECK(lending.acquire_slot(kSecond, "t2") == slot);
  write(lending, *word, shm::LockWord::of(1, true).bits);
  CHECK(lending.acquire_slot(kSecond, "t3") == 0);
  CHECK(lending.owner_of(slot)->owner == "t2");
}

TEST_CASE("Lending: no session gets all slots", "[core][lending]") {
  HeapExtents memory;
  Lending lending(memory);
  std::size_t given = 0;
  while (lending.acquire_slot(kFirst, "t") != 0) ++given;
  CHECK(given == Limits{}.session_slots_max);
  CHECK(lending.acquire_slot(kSecond, "t") != 0);
}

TEST_CASE("Lending: a corrupt word whose count would overflow is reset", "[core][lending]") {
  HeapExtents memory;
  Lending lending(memory);
  const auto corrupt = lending.lock_word(kLock);
  const auto worn = lending.lock_word(ObjectId{11});
  write(lending, *corrupt, ~std::uint64_t{0});
  write(lending, *worn, shm::LockWord::of(1'000'000'000'000, true).bits);
  lending.free_word(kLock, *corrupt, 0);
  lending.free_word(ObjectId{11}, *worn, 0);
  CHECK(lending.lock_word(ObjectId{12}) == worn);
  // It is not leaked: a hostile client could use up all memory so.
  CHECK(lending.lock_word(ObjectId{13}) == corrupt);
  CHECK(lending.words().load(*corrupt) == 0);
  CHECK(lending.words().load(*worn) == shm::LockWord::of(1'000'000'000'000, true).bits);
}

}  // namespace agora::test
