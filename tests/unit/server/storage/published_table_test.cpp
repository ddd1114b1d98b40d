// SPDX-License-Identifier: MIT

// A table and its readers: after every change readers see exactly the table's content, or must use
// the RPC. Random operations; RapidCheck prints the seed.

#include <map>
#include <random>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "server/storage/table.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/storage/concurrent_reader.hpp"
#include "tests/unit/server/storage/storage.hpp"

using namespace agora;
using namespace agora::test;
using shm::ReadResult;

namespace {

constexpr HashKey kSomeKey{17, 4711};
constexpr std::uint64_t kSomeObject = 99;

struct PublishedTable : Storage<MemfdExtents> {
  PublishedTable() { table.publish(cells.at(cell)), client.learn(); }

  Cells cells{arena};
  Handle cell = cells.take(ObjectId{kSomeObject});
  Table table{arena, values, kSomeKey};
  SecondMapping client{extents};

  void put(PackedView key, PackedView value) {
    REQUIRE(table.insert_or_assign(key_of(key), key, value));
    client.learn();
  }
  Seen find(PackedView key, std::uint64_t object = kSomeObject) const {
    return try_get(client, client.cell(cell), object, kSomeKey, key);
  }
  void check(PackedView key) const {
    check_seen(table, client, client.cell(cell), kSomeObject, kSomeKey, key);
  }
  ReadResult contains(PackedView key) const {
    return shm::contains(client.pages(), client.cell(cell), kSomeObject, kSomeKey, key_of(key));
  }
  std::uint64_t size() const {
    std::uint64_t size = 0;
    REQUIRE(shm::read_size(client.cell(cell), kSomeObject, size) == ReadResult::found);
    return size;
  }
};

/// Random changes, by all operations of the table.
class Changes {
 public:
  Changes(PublishedTable& published, std::uint32_t seed) : published_(published), random_(seed) {}
  ~Changes() {
    for (const Handle entry : detached_) published_.table.free_detached(entry);
  }

  static constexpr std::uint32_t keys = 300;

  /// Returns integers, texts of all lengths, and floats that are integers: the same key in another
  /// form.
  static Packed key(std::uint32_t which) {
    if (which % 3 == 0) return integer(which);
    return text(std::string(which % 41, 'k') + std::to_string(which));
  }
  void step() {
    Table& table = published_.table;
    const Packed key = this->key(below(keys));
    const Handle entry = table.find(key_of(key));
    switch (below(entry ? 8 : 3)) {
      case 0:
      case 1:
      case 2:
        return put(key);
      case 3:
      case 4:
        return table.erase(entry);
      case 5:
        return take_out_and_back(entry);
      case 6:
        return replace_and_back(entry);
      default:
        if (below(40) == 0) empty();
    }
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  Packed value() {
    switch (below(12)) {
      case 0:
        return text_of_size(16'380 + below(10), below(1000));
      case 1:
        return reference("t");
      case 2:
        return integer(below(100));
      default:
        return text_of_size(below(300), below(1000));
    }
  }
  void put(const Packed& key) {
    const bool as_float = key.kind() == Kind::integer && below(4) == 0;
    const Packed given = as_float ? real(read_integer(key)) : key;
    static_cast<void>(published_.table.insert_or_assign(key_of(key), given, value()));
  }
  static double read_integer(const Packed& key) {
    Token token;
    static_cast<void>(Reader{key}.next(token));
    return static_cast<double>(token.natural);
  }
  void take_out_and_back(Handle entry) {
    published_.table.detach(entry);
    if (below(2) == 0) return published_.table.reattach(entry);
    detached_.push_back(entry);
  }
  void replace_and_back(Handle entry) {
    auto made = published_.table.replace(entry, value());
    if (!made) return;
    if (below(2) == 0) return published_.table.restore(*made, entry);
    detached_.push_back(entry);
  }
  void empty() {
    const Table::Change change{published_.table};
    Table other{published_.arena, published_.values, kSomeKey};
    std::swap(other, published_.table);
    if (below(2) == 0) std::swap(other, published_.table);
  }

  PublishedTable& published_;
  std::mt19937 random_;
  std::vector<Handle> detached_;
};

}  // namespace

TEST_CASE("table readers: see the table's content after every change", "[core][storage][shm]") {
  CHECK(rc::check("of any kind, in any order", [](std::uint32_t seed) {
    PublishedTable published;
    Changes changes{published, seed};
    std::mt19937 random{seed};
    for (int i = 0; i < 1500; ++i) {
      changes.step();
      published.client.learn();
      RC_ASSERT(published.size() == published.table.size());
      for (int n = 0; n < 5; ++n) {
        published.check(Changes::key(static_cast<std::uint32_t>(random() % Changes::keys)));
      }
    }
    for (std::uint32_t which = 0; which < Changes::keys; ++which) {
      published.check(Changes::key(which));
    }
  }));
}

TEST_CASE_METHOD(PublishedTable,
                 "table readers: follow a table that grows and shrinks by many segments",
                 "[core][storage][shm]") {
  constexpr std::int64_t count = 20'000;
  for (std::int64_t i = 0; i < count; ++i) put(integer(i), integer(i * 3));
  for (std::int64_t i = 0; i < count; ++i) {
    const Seen seen = find(integer(i));
    REQUIRE(seen.result == ReadResult::found);
    REQUIRE(seen.value == integer(i * 3).bytes());
  }
  CHECK(find(integer(count)).result == ReadResult::not_found);
  for (std::int64_t i = 0; i < count; ++i) {
    REQUIRE(table.erase(key_of(integer(i))));
    REQUIRE(find(integer(i)).result == ReadResult::not_found);
    if (i + 1 < count) REQUIRE(find(integer(count - 1)).result == ReadResult::found);
  }
  CHECK(size() == 0);
}

TEST_CASE_METHOD(PublishedTable,
                 "table readers: see the content from before publish, and none after unpublish",
                 "[core][storage][shm]") {
  put(text("k"), text("v"));
  table.unpublish();
  CHECK(find(text("k")).result == ReadResult::contended);
  table.publish(cells.at(cell));
  CHECK(find(text("k")).value == text("v").bytes());
  CHECK(find(text("k"), kSomeObject + 1).result == ReadResult::use_rpc);
  table.unpublish();
  cells.free(cell);
  CHECK(find(text("k")).result == ReadResult::use_rpc);
}

TEST_CASE_METHOD(PublishedTable, "table readers: see a change of many entries once it is complete",
                 "[core][storage][shm]") {
  put(text("a"), integer(1));
  {
    const Table::Change whole{table};
    put(text("a"), integer(2));
    CHECK(find(text("a")).result == ReadResult::contended);
    {
      const Table::Change part{table};
      put(text("b"), integer(2));
    }
    CHECK(find(text("b")).result == ReadResult::contended);
  }
  CHECK(find(text("a")).value == integer(2).bytes());
  CHECK(find(text("b")).value == integer(2).bytes());
}

TEST_CASE_METHOD(PublishedTable, "table: every change increments the sequence",
                 "[core][storage][shm]") {
  std::uint64_t before = cells.at(cell).sequence;
  const auto moved = [&] {
    const std::uint64_t now = cells.at(cell).sequence;
    const bool has = now > before && now % 2 == 0;
    before = now;
    return has;
  };
  const Packed key = text("k");
  for (const std::size_t size : {50, 50, 40, 45, 200, 20'000, 20'001, 3}) {
    put(key, text_of_size(size, 1));
    CHECK(moved());
  }
  const Handle entry = table.find(key_of(key));
  const auto other = table.replace(entry, integer(1));
  REQUIRE(other);
  CHECK(moved());
  table.restore(*other, entry);
  CHECK(moved());
  table.detach(entry);
  CHECK(moved());
  table.reattach(entry);
  CHECK(moved());
  table.erase(entry);
  CHECK(moved());
  CHECK_FALSE(table.find(key_of(key)));
  CHECK_FALSE(moved());
}

TEST_CASE_METHOD(PublishedTable, "table readers: the callback may reject a value",
                 "[core][storage][shm]") {
  put(text("k"), text("v"));
  CHECK(shm::find(client.pages(), client.cell(cell), kSomeObject, kSomeKey, key_of(text("k")),
                  [](std::string_view) { return false; }) == ReadResult::use_rpc);
}

TEST_CASE_METHOD(PublishedTable, "table readers: unmapped pages lead to the RPC",
                 "[core][storage][shm]") {
  put(text("k"), text("v"));
  const shm::Pages none;
  CHECK(shm::contains(none, client.cell(cell), kSomeObject, kSomeKey, key_of(text("k"))) ==
        ReadResult::use_rpc);
  CHECK(shm::contains(none, client.cell(cell), kSomeObject, kSomeKey, key_of(text("l"))) ==
        ReadResult::use_rpc);
}
