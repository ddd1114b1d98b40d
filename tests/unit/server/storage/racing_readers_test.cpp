// SPDX-License-Identifier: MIT

// Readers concurrent with a writer that never rests, and readers of memory with arbitrary content.

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

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
constexpr std::uint32_t kLastingKeys = 50;    // always there
constexpr std::uint32_t kPassingKeys = 3000;  // come and go

struct Server : Storage<MemfdExtents> {
  Cells cells{arena};
  Handle cell = cells.take(ObjectId{kSomeObject});
  Table table{arena, values, kSomeKey};
  SecondMapping client{extents};
};

Packed key_number(std::uint32_t which) { return text("key " + std::to_string(which)); }

/// A text whose two halves agree, so that a torn read is detected.
Packed twin(std::size_t half, std::uint32_t seed) {
  std::mt19937 random{seed};
  std::string body(half, '\0');
  for (char& c : body) c = static_cast<char>('a' + random() % 26);
  return text(body + body);
}

bool is_whole(const std::string& packed) {
  Token token;
  if (Reader{std::string_view{packed}}.next(token) != Reader::Status::ok) return false;
  const std::size_t half = token.body.size() / 2;
  return token.kind == Kind::text && token.body.substr(0, half) == token.body.substr(half);
}

/// Applies all kinds of changes to a table, until it is stopped.
class RacingWriter {
 public:
  RacingWriter(Server& server, std::uint32_t seed) : server_(server), random_(seed) {
    for (std::uint32_t i = 0; i < kLastingKeys; ++i) put(i);
    put_pair();
  }

  void step() {
    const std::uint32_t which = kLastingKeys + below(kPassingKeys);
    const Handle entry = server_.table.find(key_of(key_number(which)));
    switch (below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return put(below(kLastingKeys));
      case 4:
        return put_pair();
      case 5:
        return erase_many();
      case 6:
        return entry ? roll_back(entry) : put(which);
      case 7:
      case 8:
      case 9:
        if (entry) return server_.table.erase(entry);
        [[fallthrough]];
      default:
        put(which);
    }
    server_.client.learn();
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  void put(PackedView key, PackedView value) {
    if (!server_.table.insert_or_assign(key_of(key), key, value)) std::abort();
  }
  void put(std::uint32_t which) {
    // Lasting entries are overwritten in place, and are long enough for a torn read.
    const std::uint32_t longest = which < kLastingKeys ? 7'000 : below(50) == 0 ? 9'000 : 100;
    put(key_number(which), twin(below(longest), below(1U << 30)));
  }
  /// Writes the same number under two keys, in one step.
  void put_pair() {
    const Table::Change both{server_.table};
    ++pair_;
    put(text("first"), integer(pair_));
    put(text("second"), integer(pair_));
  }
  /// Shrinks the table, and coalesces freed memory.
  void erase_many() {
    if (below(2000) != 0) return;
    for (std::uint32_t i = 0; i < kPassingKeys; ++i) {
      server_.table.erase(key_of(key_number(kLastingKeys + i)));
    }
  }
  /// Runs a transaction that is rolled back.
  void roll_back(Handle entry) {
    const Table::Change change{server_.table};
    if (below(2) == 0) {
      server_.table.detach(entry);
      server_.table.reattach(entry);
    } else if (auto made = server_.table.replace(entry, twin(below(100), 1))) {
      server_.table.restore(*made, entry);
    }
  }

  Server& server_;
  std::mt19937 random_;
  std::int64_t pair_ = 0;
};

/// A reader, which counts violations.
class RacingReader {
 public:
  RacingReader(const Server& server, std::uint32_t seed) : server_(server), random_(seed) {}

  /// @return whether one of the lasting keys was found
  bool step() {
    read_pair();
    const std::uint32_t which =
        static_cast<std::uint32_t>(random_() % (kLastingKeys + kPassingKeys));
    const ReadResult result = find(key_number(random_() % 2 == 0 ? which % kLastingKeys : which));
    if (result == ReadResult::found && !is_whole(value_)) ++torn;
    const ReadResult lasting = find(key_number(which % kLastingKeys));
    if (lasting == ReadResult::not_found) ++missed;
    if (lasting == ReadResult::found) ++found;
    return lasting == ReadResult::found;
  }

  std::uint64_t found = 0;
  std::uint64_t torn = 0;
  std::uint64_t missed = 0;
  std::uint64_t backwards = 0;

 private:
  ReadResult find(PackedView key) {
    return shm::find(server_.client.pages(), server_.client.cell(server_.cell), kSomeObject,
                     kSomeKey, key_of(key),
                     [&](std::string_view bytes) { shm::copy_racing(bytes, value_); });
  }
  /// Returns a number of the pair, or the number known before.
  std::int64_t number(const char* key, std::int64_t known) {
    const ReadResult result = find(text(key));
    // The value lies in an extent newer than the client's mapping: a client would use the RPC.
    if (result == ReadResult::contended || result == ReadResult::use_rpc) return known;
    if (result != ReadResult::found) return ++missed, known;
    Token token;
    static_cast<void>(Reader{std::string_view{value_}}.next(token));
    return static_cast<std::int64_t>(token.natural);
  }
  void read_pair() {
    const std::int64_t first = number("first", pair_);
    if (first < pair_) ++backwards;
    const std::int64_t second = number("second", first);
    if (second < first) ++backwards;
    pair_ = second;
  }

  const Server& server_;
  std::mt19937 random_;
  std::string value_;
  std::int64_t pair_ = 0;
};

}  // namespace

TEST_CASE("table readers: concurrent with a writer, no read is torn, missed or out of order",
          "[core][storage][shm]") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  Server server;
  server.table.publish(server.cells.at(server.cell));
  server.client.learn();
  RacingWriter writer{server, seed};
  server.client.learn();
  RacingReader one{server, seed + 1};
  RacingReader other{server, seed + 2};
  std::atomic<int> at_work{2};
  std::atomic<bool> done{false};
  Breather breather{done};
  const auto read = [&](RacingReader& reader) {
    for (int i = 0; i < 60'000; ++i) {
      if (reader.step()) breather.found();
    }
    if (--at_work == 0) done = true;
  };
  std::thread first{read, std::ref(one)};
  std::thread second{read, std::ref(other)};
  while (!done.load()) writer.step(), breather.between();
  first.join();
  second.join();
  for (const RacingReader* reader : {&one, &other}) {
    CHECK(reader->torn == 0);
    CHECK(reader->missed == 0);
    CHECK(reader->backwards == 0);
    CHECK(reader->found > 0);
  }
}

TEST_CASE("table readers: terminate on memory with any content", "[core][storage][shm]") {
  const std::uint32_t seed = std::random_device{}();
  CAPTURE(seed);
  Server server;
  server.table.publish(server.cells.at(server.cell));
  RacingWriter writer{server, seed};
  for (int i = 0; i < 10'000; ++i) writer.step();

  std::mt19937 random{seed};
  for (int round = 0; round < 60; ++round) {
    const DamagedCopy copy{server.extents, random, round};
    shm::Cell cell{};
    cell.object = kSomeObject;
    cell.shape = round % 2 == 0 ? server.cells.at(server.cell).shape.load()
                                : std::uint64_t{random()} << 32 | random();
    std::string value;
    for (std::uint32_t which = 0; which < 2'000; ++which) {
      const std::string key = key_of(key_number(which));
      const auto take = [&](std::string_view bytes) { shm::copy_racing(bytes, value); };
      const ReadResult result = shm::find(copy.pages, cell, kSomeObject, kSomeKey, key, take);
      CHECK(result != ReadResult::contended);
      CHECK(value.size() <= shm::kReadableBytesMax);
    }
  }
}
