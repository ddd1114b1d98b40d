// SPDX-License-Identifier: MIT

#include "client/load/agora_protocol.hpp"

#include <array>
#include <stdexcept>
#include <sys/socket.h>

#include "shared/value/msgpack_reader.hpp"
#include "shared/value/msgpack_writer.hpp"

namespace agora::load {
namespace {

constexpr std::string_view kVoidReply = "\x94\x01\x01\xc0\xc0";  // [1, 1, nil, nil]
constexpr std::size_t kVoidBytes = kVoidReply.size();
/// Counters start here: their encoding keeps its five bytes for any sum of a run.
constexpr std::int64_t kFirstCount = 1'000'000'000;

void begin_call(Writer& out, std::string_view method, std::uint32_t params) {
  out.list(4);
  out.integer(0), out.integer(1), out.text(method);
  out.list(params);
}

/// Returns the size of [1, 1, nil, text].
std::size_t text_reply_bytes(std::size_t bytes) {
  const std::size_t head = bytes < 32 ? 1 : bytes < 256 ? 2 : bytes < 65536 ? 3 : 5;
  return kVoidBytes - 1 + head + bytes;
}

/// Returns the first text in [code, message, data], which is the message.
std::string message_of(PackedView error) {
  Reader reader{error};
  for (Token token; reader.next(token) == Reader::Status::ok;) {
    if (token.kind == Kind::text) return std::string{token.body};
  }
  return "an error without a message";
}

}  // namespace

std::string agora_call(std::string_view method, const std::vector<std::string>& params) {
  std::string bytes;
  Writer out{bytes};
  begin_call(out, method, static_cast<std::uint32_t>(params.size()));
  for (const std::string& param : params) out.text(param);
  return bytes;
}

std::string agora_reply(int fd, const std::string& request) {
  exchange(fd, request, 0);
  std::string reply;
  while (reply.size() < 4096) {
    std::array<char, 4096> space;
    const ssize_t n = ::recv(fd, space.data(), space.size() - reply.size(), 0);
    if (n <= 0) throw std::runtime_error("the server closed the connection");
    reply.append(space.data(), static_cast<std::size_t>(n));
    if (!Reader{reply}.skip()) continue;
    Reader reader{reply};
    Token head;
    static_cast<void>(reader.next(head));
    reader.skip(), reader.skip();
    const PackedView error = reader.value();
    if (error.bytes() == "\xc0") return reply;
    throw std::runtime_error(message_of(error));
  }
  throw std::runtime_error("a reply is longer than it should be");
}

std::string AgoraProtocol::own_name(std::string_view object, std::size_t connection) const {
  return name(object) + "-" + std::to_string(connection);
}

void AgoraProtocol::create(int fd, std::string_view type, const std::string& name) {
  std::string bytes;
  Writer out{bytes};
  begin_call(out, "object.create", 4);
  out.text(type), out.text(name), out.list(0);
  out.map(2);
  out.text("ephemeral"), out.boolean(ephemeral_);
  out.text("exist_ok"), out.boolean(false);
  agora_reply(fd, bytes);
  created_.push_back(name);
}

void AgoraProtocol::store_all(int fd, const Shape& shape) {
  constexpr std::uint64_t kTogether = 500;
  constexpr std::size_t kBytesTogether = std::size_t{1} << 20;
  for (std::uint64_t key = 0; key < shape.keys;) {
    std::string requests;
    std::string replies;
    for (std::uint64_t i = 0; i < kTogether && key < shape.keys && requests.size() < kBytesTogether;
         ++i, ++key) {
      requests += stored(shape, key).bytes;
      replies += kVoidReply;
    }
    if (exchange(fd, requests, replies.size()) == replies) continue;
    throw std::runtime_error("the server did not store " + std::to_string(shape.keys) +
                             " keys of " + std::to_string(shape.value_bytes) + " bytes each");
  }
}

void AgoraProtocol::prepare(int fd, const Shape& shape) {
  switch (shape.work) {
    case Work::get:
    case Work::set:
    case Work::incr:
      create(fd, "dict", name("dict"));
      store_all(fd, shape);
      break;
    case Work::queue:
      for (std::size_t i = 0; i < shape.connections; ++i) {
        create(fd, "queue", own_name("queue", i));
      }
      break;
    case Work::lock:
      for (std::size_t i = 0; i < shape.connections; ++i) create(fd, "lock", own_name("lock", i));
      grant_bytes_ = agora_reply(fd, agora_call("lock.acquire", {own_name("lock", 0)})).size();
      agora_reply(fd, agora_call("lock.release", {own_name("lock", 0)}));
      break;
  }
}

Request AgoraProtocol::stored(const Shape& shape, std::uint64_t key) const {
  if (shape.work != Work::incr) {
    return {agora_call("dict.set", {name("dict"), key_text(key), value_text(shape.value_bytes)}),
            kVoidBytes};
  }
  Request request{{}, kVoidBytes};
  Writer out{request.bytes};
  begin_call(out, "dict.set", 3);
  out.text(name("dict")), out.text(key_text(key)), out.integer(kFirstCount);
  return request;
}

std::vector<Request> AgoraProtocol::piece(const Shape& shape, std::size_t connection,
                                          std::uint64_t key) const {
  const std::size_t value_reply = text_reply_bytes(shape.value_bytes);
  switch (shape.work) {
    case Work::get:
      return {{agora_call("dict.get", {name("dict"), key_text(key)}), value_reply}};
    case Work::set:
      return {stored(shape, key)};
    case Work::incr:
      return {{agora_call("dict.add", {name("dict"), key_text(key)}), kVoidBytes + 4}};
    case Work::queue:
      return {
          {agora_call("queue.put", {own_name("queue", connection), value_text(shape.value_bytes)}),
           kVoidBytes},
          {agora_call("queue.get", {own_name("queue", connection)}), value_reply}};
    case Work::lock:
      return {{agora_call("lock.acquire", {own_name("lock", connection)}), grant_bytes_},
              {agora_call("lock.release", {own_name("lock", connection)}), kVoidBytes}};
  }
  return {};
}

void AgoraProtocol::clear(int fd) {
  for (const std::string& object : created_) agora_reply(fd, agora_call("object.delete", {object}));
  created_.clear();
}

}  // namespace agora::load
