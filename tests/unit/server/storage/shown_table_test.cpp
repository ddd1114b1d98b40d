// A table and those who read it along: after every change readers see exactly what the table has,
// or that they have to ask. Random operations; RapidCheck prints the seed.

#include <map>
#include <random>
#include <string>
#include <vector>

#include <rapidcheck.h>

#include "server/storage/table.hpp"
#include "shared/value/msgpack_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/server/storage/reading_along.hpp"
#include "tests/unit/server/storage/storage.hpp"

using namespace agora;
using namespace agora::test;
using shm::ReadResult;

namespace {

constexpr HashKey kSomeKey{17, 4711};
constexpr std::uint64_t kSomeObject = 99;

struct ShownTable : Storage<MemfdExtents> {
  ShownTable() { table.show(cells.at(cell)), client.learn(); }

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

/// Random changes, each by another of the table's ways.
class Changes {
 public:
  Changes(ShownTable& shown, std::uint32_t seed) : shown_(shown), random_(seed) {}
  ~Changes() {
    for (const Handle entry : aside_) shown_.table.free_aside(entry);
  }

  static constexpr std::uint32_t keys = 300;

  /// Integers, texts of all lengths, and floats that are integers: the same key in another form.
  static Packed key(std::uint32_t which) {
    if (which % 3 == 0) return integer(which);
    return text(std::string(which % 41, 'k') + std::to_string(which));
  }
  void step() {
    Table& table = shown_.table;
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
    static_cast<void>(shown_.table.insert_or_assign(key_of(key), given, value()));
  }
  static double read_integer(const Packed& key) {
    Token token;
    static_cast<void>(Reader{key}.next(token));
    return static_cast<double>(token.natural);
  }
  void take_out_and_back(Handle entry) {
    shown_.table.set_aside(entry);
    if (below(2) == 0) return shown_.table.put_back(entry);
    aside_.push_back(entry);
  }
  void replace_and_back(Handle entry) {
    auto made = shown_.table.substitute(entry, value());
    if (!made) return;
    if (below(2) == 0) return shown_.table.put_back_instead(*made, entry);
    aside_.push_back(entry);
  }
  void empty() {
    const Table::Change change{shown_.table};
    Table other{shown_.arena, shown_.values, kSomeKey};
    std::swap(other, shown_.table);
    if (below(2) == 0) std::swap(other, shown_.table);
  }

  ShownTable& shown_;
  std::mt19937 random_;
  std::vector<Handle> aside_;
};

}  // namespace

TEST_CASE("readers see what the table has after every change", "[core][storage][shm]") {
  CHECK(rc::check("of any kind, in any order", [](std::uint32_t seed) {
    ShownTable shown;
    Changes changes{shown, seed};
    std::mt19937 random{seed};
    for (int i = 0; i < 1500; ++i) {
      changes.step();
      shown.client.learn();
      RC_ASSERT(shown.size() == shown.table.size());
      for (int n = 0; n < 5; ++n) {
        shown.check(Changes::key(static_cast<std::uint32_t>(random() % Changes::keys)));
      }
    }
    for (std::uint32_t which = 0; which < Changes::keys; ++which) {
      shown.check(Changes::key(which));
    }
  }));
}

TEST_CASE_METHOD(ShownTable, "readers follow a table that grows and shrinks by many segments",
                 "[core][storage][shm]") {
  constexpr std::int64_t count = 20'000;
  for (std::int64_t i = 0; i < count; ++i) put(integer(i), integer(i * 3));
  for (std::int64_t i = 0; i < count; ++i) {
    const Seen seen = find(integer(i));
    REQUIRE(seen.look == ReadResult::found);
    REQUIRE(seen.value == integer(i * 3).bytes());
  }
  CHECK(find(integer(count)).look == ReadResult::not_found);
  for (std::int64_t i = 0; i < count; ++i) {
    REQUIRE(table.erase(key_of(integer(i))));
    REQUIRE(find(integer(i)).look == ReadResult::not_found);
    if (i + 1 < count) REQUIRE(find(integer(count - 1)).look == ReadResult::found);
  }
  CHECK(size() == 0);
}

TEST_CASE_METHOD(ShownTable, "what was there before the table was shown is seen, and not after",
                 "[core][storage][shm]") {
  put(text("k"), text("v"));
  table.hide();
  CHECK(find(text("k")).look == ReadResult::contended);
  table.show(cells.at(cell));
  CHECK(find(text("k")).value == text("v").bytes());
  CHECK(find(text("k"), kSomeObject + 1).look == ReadResult::use_rpc);
  table.hide();
  cells.free(cell);
  CHECK(find(text("k")).look == ReadResult::use_rpc);
}

TEST_CASE_METHOD(ShownTable, "a change of many entries is seen once it is whole",
                 "[core][storage][shm]") {
  put(text("a"), integer(1));
  {
    const Table::Change whole{table};
    put(text("a"), integer(2));
    CHECK(find(text("a")).look == ReadResult::contended);
    {
      const Table::Change part{table};
      put(text("b"), integer(2));
    }
    CHECK(find(text("b")).look == ReadResult::contended);
  }
  CHECK(find(text("a")).value == integer(2).bytes());
  CHECK(find(text("b")).value == integer(2).bytes());
}

TEST_CASE_METHOD(ShownTable, "every change moves the sequence", "[core][storage][shm]") {
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
  const auto other = table.substitute(entry, integer(1));
  REQUIRE(other);
  CHECK(moved());
  table.put_back_instead(*other, entry);
  CHECK(moved());
  table.set_aside(entry);
  CHECK(moved());
  table.put_back(entry);
  CHECK(moved());
  table.erase(entry);
  CHECK(moved());
  CHECK_FALSE(table.find(key_of(key)));
  CHECK_FALSE(moved());
}

TEST_CASE_METHOD(ShownTable, "what takes a value may say that it has no use for it",
                 "[core][storage][shm]") {
  put(text("k"), text("v"));
  CHECK(shm::find(client.pages(), client.cell(cell), kSomeObject, kSomeKey, key_of(text("k")),
                  [](std::string_view) { return false; }) == ReadResult::use_rpc);
}

TEST_CASE_METHOD(ShownTable, "pages that are not known are for the server",
                 "[core][storage][shm]") {
  put(text("k"), text("v"));
  const shm::Pages none;
  CHECK(shm::contains(none, client.cell(cell), kSomeObject, kSomeKey, key_of(text("k"))) ==
        ReadResult::use_rpc);
  CHECK(shm::contains(none, client.cell(cell), kSomeObject, kSomeKey, key_of(text("l"))) ==
        ReadResult::use_rpc);
}
