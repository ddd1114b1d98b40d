// Traffic: the requests of a load, made beforehand, in the language of whatever server they are
// for. Replies to one request always have one size, so that counting bytes counts replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace agora::load {

/// What is asked for; queue is put and get, lock is acquire and release.
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

/// One kind of server, as it is spoken to.
class Protocol {
 public:
  virtual ~Protocol() = default;
  /// Said on each connection before all else; it has no reply.
  virtual std::string greeting(const Shape&) const { return {}; }
  /// Makes, over one connection, what the work needs: objects, and all keys with a first value.
  /// @throws std::runtime_error  the server refused, or ended the connection.
  virtual void prepare(int fd, const Shape& shape) = 0;
  /// One request, or two that belong together, for one connection and key.
  virtual std::vector<Request> piece(const Shape& shape, std::size_t connection,
                                     std::uint64_t key) const = 0;
};

/// What is sent together, and answered by so many bytes.
struct Batch {
  std::string bytes;
  std::size_t reply_bytes = 0;
};

/// What a connection sends in turn, again and again. After every `stride` batches no piece is
/// half done: only there may it stop.
struct Traffic {
  std::vector<Batch> batches;
  std::size_t stride = 1;
  std::size_t calls = 1;  ///< requests in each batch
};

/// The traffic of one connection: up to 256 batches, or fewer if they are large.
Traffic traffic_of(const Protocol& protocol, const Shape& shape, std::size_t connection);

/// 16 bytes of text, different for every number, spread over the whole range.
std::string key_text(std::uint64_t number);
/// A text of that many bytes.
std::string value_text(std::size_t bytes);

/// Sends all requests over one connection, many at a time, and awaits their replies.
/// @param request  gives the request for a number from 0 to count - 1.
template <typename Make>
void send_each(int fd, std::uint64_t count, Make&& request);

/// Sends bytes, and takes a reply of so many bytes, however long both take.
/// @throws std::runtime_error  the connection ended.
std::string exchange(int fd, const std::string& bytes, std::size_t reply_bytes);

template <typename Make>
void send_each(int fd, std::uint64_t count, Make&& request) {
  constexpr std::uint64_t kTogether = 500;
  constexpr std::size_t kBytesTogether = std::size_t{1} << 20;
  for (std::uint64_t number = 0; number < count;) {
    Batch batch;
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
