// SPDX-License-Identifier: MIT

#include "shared/shm/ring.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include "tests/support/catch.hpp"

using namespace agora;

namespace {

struct Memory {
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete (bytes, std::align_val_t{4096}); }
  };
  std::unique_ptr<std::byte, Free> bytes{
      static_cast<std::byte*>(::operator new (shm::kRingTotal, std::align_val_t{4096}))};
  Memory() { std::fill_n(bytes.get(), shm::kRingTotal, std::byte{0}); }
  shm::RingView view() const { return shm::to_server(bytes.get()); }
};

iovec part(const std::string& text) { return {const_cast<char*>(text.data()), text.size()}; }

std::string pattern(std::size_t from, std::size_t count) {
  std::string text(count, '\0');
  for (std::size_t i = 0; i < count; ++i) text[i] = static_cast<char>((from + i) * 131 >> 3);
  return text;
}

/// A doorbell between two threads.
class Doorbell {
 public:
  void ring() {
    const std::lock_guard guard(mutex_);
    ++count_;
    rings_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    rings_.wait(lock, [this] { return count_ > 0; });
    count_ = 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable rings_;
  int count_ = 0;
};

}  // namespace

TEST_CASE("ring: bytes arrive in order for any sizes of put and take", "[shm]") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::minstd_rand chance(seed);
  Memory memory;
  shm::RingWriter writer(memory.view());
  shm::RingReader reader(memory.view());
  std::size_t written = 0;
  std::size_t read = 0;
  std::string space(shm::kRingBytes, '\0');
  for (int i = 0; i < 4000; ++i) {
    const std::string first = pattern(written, chance() % 3000);
    const std::string second = pattern(written + first.size(), chance() % 3000);
    const iovec parts[] = {part(first), part(second)};
    REQUIRE(writer.room());
    written += writer.put(parts);
    static_cast<void>(writer.publish(0));
    const auto got = reader.take(std::span{space}.first(chance() % 6000));
    REQUIRE(got);
    REQUIRE(space.substr(0, *got) == pattern(read, *got));
    read += *got;
    static_cast<void>(reader.release());
    REQUIRE(reader.empty() == (read == written));
    REQUIRE(written - read <= shm::kRingBytes);
  }
}

TEST_CASE("ring: a sleeping side is woken once, and only if it sleeps", "[shm]") {
  Memory memory;
  shm::RingWriter writer(memory.view());
  shm::RingReader reader(memory.view());
  const std::string text(100, 'x');
  const iovec one = part(text);
  std::string space(shm::kRingBytes, '\0');
  CHECK(writer.put({&one, 1}) == 100);
  CHECK_FALSE(writer.publish(3));
  CHECK(reader.writer_cpu() == 3);
  CHECK_FALSE(reader.wait_for_bytes());  // there are bytes already
  CHECK(reader.take(space) == 100);
  CHECK_FALSE(reader.release());
  CHECK(reader.wait_for_bytes());
  CHECK(writer.put({&one, 1}) == 100);
  CHECK(writer.publish(3));
  CHECK(writer.put({&one, 1}) == 100);
  CHECK_FALSE(writer.publish(3));

  const std::string large(shm::kRingBytes, 'y');
  const iovec much = part(large);
  CHECK(writer.put({&much, 1}) == shm::kRingBytes - 300);  // by the cached count of the reader
  CHECK(writer.room() == 100);
  CHECK(writer.put({&much, 1}) == 100);
  CHECK_FALSE(writer.publish(3));
  CHECK(writer.room() == 0);
  CHECK(writer.wait_for_room());
  CHECK(reader.take(std::span{space}.first(1)) == 1);
  CHECK(reader.release());
  CHECK(writer.room() == 1);
  CHECK_FALSE(writer.wait_for_room());
}

TEST_CASE("ring: corrupt counts from the peer are detected", "[shm]") {
  Memory memory;
  shm::RingWriter writer(memory.view());
  shm::RingReader reader(memory.view());
  std::string space(100, '\0');
  memory.view().words->written = shm::kRingBytes + 1;
  CHECK_FALSE(reader.take(space));
  memory.view().words->written = ~std::uint64_t{0};
  CHECK_FALSE(reader.take(space));

  const std::string large(shm::kRingBytes, 'y');
  const iovec much = part(large);
  CHECK(writer.put({&much, 1}) == shm::kRingBytes);
  memory.view().words->read = shm::kRingBytes + 1;  // more than the total written
  CHECK_FALSE(writer.room());
  CHECK(writer.put({&much, 1}) == 0);
}

TEST_CASE("ring: two threads that sleep on doorbells transfer every byte", "[shm]") {
  Memory memory;
  Doorbell to_reader;
  Doorbell to_writer;
  constexpr std::size_t kTotal = std::size_t{3} << 20;
  std::thread writing([&] {
    shm::RingWriter writer(memory.view());
    std::minstd_rand chance(7);
    for (std::size_t written = 0; written < kTotal;) {
      const std::string next = pattern(written, std::min(chance() % 9000 + 1, kTotal - written));
      const iovec one = part(next);
      const std::size_t put = writer.put({&one, 1});
      written += put;
      if (writer.publish(0)) to_reader.ring();
      if (put < next.size() && writer.wait_for_room()) to_writer.wait();
    }
  });
  shm::RingReader reader(memory.view());
  std::minstd_rand chance(8);
  std::string space(9000, '\0');
  bool same = true;
  for (std::size_t read = 0; read < kTotal;) {
    const std::size_t got = reader.take(std::span{space}.first(chance() % 9000 + 1)).value();
    same = same && space.substr(0, got) == pattern(read, got);
    read += got;
    if (reader.release()) to_writer.ring();
    if (got == 0 && reader.wait_for_bytes()) to_reader.wait();
  }
  writing.join();
  CHECK(same);
  CHECK(reader.empty());
}
