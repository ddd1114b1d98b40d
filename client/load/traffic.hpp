// SPDX-License-Identifier: MIT

// Traffic: the requests of a load, encoded beforehand in the server's protocol. The replies to one
// request always have one size, so that counting bytes counts replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace agora::load {

/// The kind of request; queue is put and get, lock is acquire and release.
enum class Work : std::uint8_t { get, set, incr, queue, lock };

struct Shape {
  Work work = Work::get;
  std::size_t connections = 50;
  std::size_t pipeline = 1;  ///< requests under way on each connection, at least 1
  std::size_t value_bytes = 64;
  std::uint64_t keys = 10'000;  ///< at least 1
};

struct Request {
  std::string bytes;
  std::size_t reply_bytes = 0;
};

/// The protocol of one kind of server.
class Protocol {
 public:
  virtual ~Protocol() = default;
  /// Returns the bytes that each connection sends first; they have no reply.
  virtual std::string greeting(const Shape&) const { return {}; }
  /// Creates the objects for the work over one connection, and all keys with an initial value.
  /// @throws std::runtime_error  the server refused, or ended the connection.
  virtual void prepare(int fd, const Shape& shape) = 0;
  /// Returns a piece for one connection and key: one request, or two that belong together.
  virtual std::vector<Request> piece(const Shape& shape, std::size_t connection,
                                     std::uint64_t key) const = 0;
};

/// Requests that are sent together, and the size of their replies.
struct RequestBatch {
  std::string bytes;
  std::size_t reply_bytes = 0;
};

/// The batches that a connection sends in turn, in a loop. It may stop only after a multiple of
/// `stride` batches: there every piece is complete.
struct Traffic {
  std::vector<RequestBatch> batches;
  std::size_t stride = 1;
  std::size_t calls = 1;  ///< requests in each batch
};

/// Makes the traffic of one connection: up to 256 batches, or fewer if they are large.
Traffic traffic_of(const Protocol& protocol, const Shape& shape, std::size_t connection);

/// Returns 16 bytes of text, different for every number, spread over the whole range.
std::string key_text(std::uint64_t number);
/// Returns a text of that many bytes.
std::string value_text(std::size_t bytes);

/// Sends all requests over one connection, many at a time, and awaits their replies.
/// @param request  returns the request for a number from 0 to count - 1.
template <typename Make>
void send_each(int fd, std::uint64_t count, Make&& request);

/// Sends bytes and returns a reply of `reply_bytes` bytes. Has no deadline.
/// @throws std::runtime_error  the connection ended.
std::string exchange(int fd, const std::string& bytes, std::size_t reply_bytes);

template <typename Make>
void send_each(int fd, std::uint64_t count, Make&& request) {
  constexpr std::uint64_t kTogether = 500;
  constexpr std::size_t kBytesTogether = std::size_t{1} << 20;
  for (std::uint64_t number = 0; number < count;) {
    RequestBatch batch;
    for (std::uint64_t i = 0;
         i < kTogether && number < count && batch.bytes.size() < kBytesTogether; ++i, ++number) {
      const Request next = request(number);
      batch.bytes += next.bytes;
      batch.reply_bytes += next.reply_bytes;
    }
    exchange(fd, batch.bytes, batch.reply_bytes);
  }
}

}  // namespace agora::load
