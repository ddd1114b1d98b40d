// SPDX-License-Identifier: MIT

#include "tests/bench/protocols.hpp"

#include <stdexcept>

#include "client/load/agora_protocol.hpp"
#include "tests/bench/echo.hpp"

namespace agora::bench {

using load::key_text;
using load::Request;
using load::Shape;
using load::value_text;
using load::Work;

namespace {

/// The initial value of counters: they keep ten digits during a run.
const std::string kFirstCount = "1000000000";

std::size_t bulk_bytes(std::size_t bytes) {
  return 1 + std::to_string(bytes).size() + 2 + bytes + 2;
}

std::string first_value(const Shape& shape) {
  return shape.work == Work::incr ? kFirstCount : value_text(shape.value_bytes);
}

void expect(int fd, const std::string& request, const std::string& reply) {
  const std::string got = load::exchange(fd, request, reply.size());
  if (got != reply) throw std::runtime_error("a peer replied " + got + " instead of " + reply);
}

}  // namespace

std::string resp(const std::vector<std::string>& arguments) {
  std::string bytes = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const std::string& argument : arguments) {
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return bytes;
}

void RespProtocol::prepare(int fd, const Shape& shape) {
  expect(fd, resp({"PING"}), "+PONG\r\n");
  if (shape.work == Work::queue || shape.work == Work::lock) return;
  load::send_each(fd, shape.keys, [&](std::uint64_t key) {
    return Request{resp({"SET", key_text(key), first_value(shape)}), 5};
  });
}

std::vector<Request> RespProtocol::piece(const Shape& shape, std::size_t connection,
                                         std::uint64_t key) const {
  const std::string lock = "lock-" + std::to_string(connection);
  switch (shape.work) {
    case Work::get:
      return {{resp({"GET", key_text(key)}), bulk_bytes(shape.value_bytes)}};
    case Work::set:
      return {{resp({"SET", key_text(key), value_text(shape.value_bytes)}), 5}};
    case Work::incr:
      return {{resp({"INCR", key_text(key)}), 1 + kFirstCount.size() + 2}};
    case Work::queue:
      // The reply to a push is the length: one digit, since each connection has its own list.
      return {
          {resp({"LPUSH", "list-" + std::to_string(connection), value_text(shape.value_bytes)}), 4},
          {resp({"RPOP", "list-" + std::to_string(connection)}), bulk_bytes(shape.value_bytes)}};
    case Work::lock:
      return {{resp({"SET", lock, "owner", "NX"}), 5}, {resp({"DEL", lock}), 4}};
  }
  return {};
}

void MemcachedProtocol::prepare(int fd, const Shape& shape) {
  expect(fd, "mn\r\n", "MN\r\n");
  const std::string value = first_value(shape);
  load::send_each(fd, shape.keys, [&](std::uint64_t key) {
    return Request{
        "set " + key_text(key) + " 0 0 " + std::to_string(value.size()) + "\r\n" + value + "\r\n",
        8};
  });
}

std::vector<Request> MemcachedProtocol::piece(const Shape& shape, std::size_t,
                                              std::uint64_t key) const {
  const std::string name = key_text(key);
  const std::string size = std::to_string(shape.value_bytes);
  switch (shape.work) {
    case Work::get:
      // VALUE name 0 size, the value, END
      return {{"get " + name + "\r\n",
               6 + name.size() + 3 + size.size() + 2 + shape.value_bytes + 2 + 5}};
    case Work::set:
      return {
          {"set " + name + " 0 0 " + size + "\r\n" + value_text(shape.value_bytes) + "\r\n", 8}};
    case Work::incr:
      return {{"incr " + name + " 1\r\n", kFirstCount.size() + 2}};
    case Work::queue:
    case Work::lock:
      break;
  }
  throw std::logic_error("memcached has neither queues nor locks");
}

void JsonProtocol::prepare(int fd, const Shape& shape) {
  expect(fd, "{\"id\":1,\"method\":\"object.create\",\"params\":[\"dict\",\"json\"]}\n",
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"$ref\":\"json\"}}\n");
  Shape setting = shape;
  setting.work = Work::set;
  load::send_each(fd, shape.keys,
                  [&](std::uint64_t key) { return piece(setting, 0, key).front(); });
}

std::vector<Request> JsonProtocol::piece(const Shape& shape, std::size_t, std::uint64_t key) const {
  const std::string begin = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"dict.";
  const std::string reply = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":";
  const std::string name = "\",\"params\":[\"json\",\"" + key_text(key) + "\"";
  if (shape.work == Work::get) {
    return {{begin + "get" + name + "]}\n", reply.size() + shape.value_bytes + 2 + 2}};
  }
  if (shape.work != Work::set) throw std::logic_error("only get and set are compared in JSON");
  return {{begin + "set" + name + ",\"" + value_text(shape.value_bytes) + "\"]}\n",
           reply.size() + 4 + 2}};
}

std::string EchoProtocol::greeting(const Shape& shape) const {
  const Request request = piece(shape, 0, 0).front();
  return echo_greeting(request.bytes.size(), request.reply_bytes);
}

std::vector<Request> EchoProtocol::piece(const Shape& shape, std::size_t connection,
                                         std::uint64_t key) const {
  if (shape.work != Work::get && shape.work != Work::set) {
    throw std::logic_error("the echo has one size of request");
  }
  return load::AgoraProtocol{}.piece(shape, connection, key);
}

}  // namespace agora::bench
