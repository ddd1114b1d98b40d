// SPDX-License-Identifier: MIT

// The size or flag of an object in its cell, concurrent with transactions.

#include <atomic>
#include <string>
#include <thread>

#include "shared/shm/cell_reader.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/machine_calls.hpp"

namespace agora::test {
namespace {

/// Reads the size or flag of an object.
class Glance {
 public:
  Glance(Machine& machine, const std::string& name) {
    Object& object = *machine.registry().find(name);
    number_ = object.id.number;
    const Handle place = machine.mapped_view().publish(object);
    cell_ = reinterpret_cast<const shm::Cell*>(machine.arena().at(place));
  }
  std::uint64_t operator()() const {
    std::uint64_t size = 0;
    while (shm::read_size(*cell_, number_, size) != shm::ReadResult::found) {
    }
    return size;
  }

 private:
  std::uint64_t number_ = 0;
  const shm::Cell* cell_ = nullptr;
};

Packed append(const char* list) {
  return pack(std::make_tuple("list.append", std::make_tuple(list, 1)));
}
Packed put(const char* queue) {
  return pack(std::make_tuple("queue.put", std::make_tuple(queue, 1, 0)));
}

Given run(MachineCalls& call, std::initializer_list<Packed> calls) {
  std::string list;
  Writer{list}.list(static_cast<std::uint32_t>(calls.size()));
  for (const Packed& each : calls) list += each.bytes();
  return call("transaction.run", Packed{list});
}

}  // namespace

TEST_CASE("size readers: never see half a transaction over two objects", "[objects][shm]") {
  constexpr int kTransactions = 20'000;
  MachineCalls call;
  call("object.create", "list", "l");
  call("object.create", "queue", "q");
  const Glance list(call.machine(), "l");
  const Glance queue(call.machine(), "q");
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> halves{0};
  std::thread reader([&] {
    while (!over) {
      const std::uint64_t listed = list();
      const std::uint64_t queued = queue();
      if (queued < listed) ++halves;
      if (list() < queued) ++halves;
      ++reads;
    }
  });
  while (reads == 0) {
  }
  int failed = 0;
  for (int i = 0; i < kTransactions; ++i) {
    const Given done =
        i % 2 == 0 ? run(call, {put("q"), append("l")}) : run(call, {append("l"), put("q")});
    failed += done.error.empty() ? 0 : 1;
  }
  over = true;
  reader.join();
  CHECK(failed == 0);
  CHECK(halves == 0);
  CHECK(list() == kTransactions);
  CHECK(queue() == kTransactions);
}

TEST_CASE("size readers: see the old size after a failed transaction", "[objects][shm]") {
  MachineCalls call;
  call("object.create", "event", "e");
  call("object.create", "queue", "q");
  const Glance event(call.machine(), "e");
  const Glance queue(call.machine(), "q");
  const Packed set = pack(std::make_tuple("event.set", std::make_tuple("e")));
  const Packed nonsense = pack(std::make_tuple("queue.acknowledge", std::make_tuple("q", 7)));
  REQUIRE(run(call, {set, put("q"), nonsense}).error == "NotFound");
  CHECK(event() == 0);
  CHECK(queue() == 0);
  REQUIRE(run(call, {set, put("q"), put("q")}).error == "");
  CHECK(event() == 1);
  CHECK(queue() == 2);
  call("queue.get", "q");
  CHECK(queue() == 1);
  // Deleted within the transaction: no reader waits for it any more.
  const Packed gone = pack(std::make_tuple("object.delete", std::make_tuple("q")));
  REQUIRE(run(call, {put("q"), gone}).error == "");
  CHECK(event() == 1);
}

}  // namespace agora::test
