// SPDX-License-Identifier: MIT

// The memory for the output of connections whose clients read nothing is bounded: by the bound on
// output and one reply for each connection, and once for a value that many connections get.

#include <algorithm>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/unit/server/net/socketless_server.hpp"

namespace agora {
namespace {

constexpr std::size_t kOutputMax = std::size_t{1} << 20;

Limits small_output() {
  Limits limits;
  limits.output_bytes_max = kOutputMax;
  return limits;
}

std::string json_call(int id, const std::string& method, const std::string& params) {
  return "{\"id\":" + std::to_string(id) + ",\"method\":\"" + method + "\",\"params\":[" + params +
         "]}";
}

std::string text_of_size(std::size_t bytes) { return "\"" + std::string(bytes, 'x') + "\""; }

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

std::size_t held(SocketlessServer& server, std::size_t connection) {
  Dialogue& dialogue = server.dialogue(connection);
  return dialogue.buffered_bytes() + dialogue.output().text_bytes();
}

TEST_CASE("JSON batch: results beyond the bound of one reply give way to TooLarge", "[net]") {
  Limits limits;
  limits.frame_bytes_max = 100'000;
  SocketlessServer server{limits};
  const std::size_t client = server.connect();
  server.send(client, json_call(1, "object.create", "\"dict\",\"d\"") + "\n");
  server.send(client, json_call(2, "dict.set", "\"d\",\"k\"," + text_of_size(60'000)) + "\n");
  server.finish();
  std::string batch = "[";
  for (int id = 10; id < 15; ++id) batch += json_call(id, "dict.get", "\"d\",\"k\"") + ",";
  batch += json_call(15, "dict.len", "\"d\"") + "]\n";
  const std::size_t before = server.received(client).size();
  server.send(client, batch);
  server.finish();
  const std::string replies = server.received(client).substr(before);
  CHECK(replies.size() < 100'000);
  CHECK(count_of(replies, "xxx\"}") == 1);
  CHECK(count_of(replies, "\"type\":\"TooLarge\",\"done\":\"yes\"") == 4);
  CHECK(replies.find("\"id\":15,\"result\":1}]\n") != std::string::npos);
}

TEST_CASE("dialogue: replies to waiting calls wait until the client reads", "[net]") {
  const std::size_t bytes = GENERATE(std::size_t{10'000}, std::size_t{300'000});
  constexpr int kWaiters = 1'000;
  SocketlessServer server{small_output()};
  const std::size_t writer = server.connect();
  const std::size_t reader = server.connect();
  server.send(writer, json_call(1, "object.create", "\"dict\",\"d\"") + "\n");
  for (int id = 0; id < kWaiters; ++id) {
    server.send(reader, json_call(id, "dict.wait_for", "\"d\",\"k\"") + "\n");
    server.finish();
  }
  server.send(writer, json_call(2, "dict.set", "\"d\",\"k\"," + text_of_size(bytes)) + "\n");
  server.turn_unread();
  CHECK(held(server, reader) < kOutputMax + 2 * bytes + kWaiters * std::size_t{512});
  CHECK(server.dialogue(reader).holds_replies());
  server.finish();
  const std::string& replies = server.received(reader);
  CHECK(count_of(replies, "\"result\":\"xxx") == kWaiters);
  CHECK(replies.find("\"id\":0,") < replies.find("\"id\":999,"));
  CHECK(held(server, reader) == 0);
}

TEST_CASE("dialogue: calls behind large replies run once there is room for theirs", "[net]") {
  const bool as_batch = GENERATE(false, true);
  SocketlessServer server{small_output()};
  const std::size_t client = server.connect();
  server.send(client, json_call(1, "object.create", "\"list\",\"l\"") + "\n");
  for (int i = 0; i < 64; ++i) {
    server.send(client, json_call(2, "list.append", "\"l\"," + text_of_size(10'000)) + "\n");
  }
  for (int i = 0; i < 300; ++i) server.send(client, json_call(3, "ping", "") + "\n");
  server.finish();
  const std::size_t before = server.received(client).size();
  std::string calls = as_batch ? "[" : "";
  for (int id = 100; id < 164; ++id) {
    calls += json_call(id, "list.copy", "\"l\"") + (as_batch ? "," : "\n");
    calls +=
        json_call(id + 100, "list.append", "\"l\",1") + (as_batch ? id < 163 ? "," : "]" : "\n");
  }
  server.send(client, as_batch ? calls + "\n" : calls);
  server.turn_unread();
  if (!as_batch) CHECK(held(server, client) < 2 * kOutputMax + 2'000'000);
  server.finish();
  const std::string replies = server.received(client).substr(before);
  CHECK(count_of(replies, "\"result\":[\"xxx") == 64);
  CHECK(count_of(replies, "\"result\":null") == 64);
  CHECK(replies.find("\"id\":100,") < replies.find("\"id\":163,"));
  // Each copy was made before the elements that were appended behind it in the pipeline.
  CHECK(count_of(replies, "xxx\",1]") == 1);
  CHECK(held(server, client) == 0);
}

TEST_CASE("dialogue: a client that leaves behind large replies loses no call", "[net]") {
  SocketlessServer server{small_output()};
  const std::size_t client = server.connect();
  server.send(client, json_call(1, "object.create", "\"list\",\"l\"") + "\n");
  for (int i = 0; i < 64; ++i) {
    server.send(client, json_call(2, "list.append", "\"l\"," + text_of_size(10'000)) + "\n");
  }
  for (int i = 0; i < 300; ++i) server.send(client, json_call(3, "ping", "") + "\n");
  server.finish();
  std::string calls;
  for (int id = 100; id < 110; ++id) calls += json_call(id, "list.copy", "\"l\"") + "\n";
  calls += json_call(110, "object.create", "\"dict\",\"last\"") + "\n";
  server.send(client, calls);
  server.dialogue(client).end_of_input();
  server.finish();
  CHECK(server.dialogue(client).ended());
  CHECK(server.machine().registry().find("last") != nullptr);
  CHECK(count_of(server.received(client), "\"result\":[\"xxx") == 10);
}

TEST_CASE("dialogue: subscribers share the text of a large notice", "[net]") {
  constexpr std::size_t kBytes = 500'000;
  SocketlessServer server;
  const std::size_t writer = server.connect();
  server.send(writer, json_call(1, "object.create", "\"topic\",\"t\"") + "\n");
  std::vector<std::size_t> subscribers;
  for (int i = 0; i < 10; ++i) {
    subscribers.push_back(server.connect());
    server.send(subscribers.back(), i % 2 == 0 ? json_call(1, "topic.subscribe", "\"t\"") + "\n"
                                               : std::string("\x94\x00\x01\xaftopic.subscribe\x91"
                                                             "\xa1t",
                                                             22));
  }
  server.finish();
  server.send(writer, json_call(2, "topic.publish", "\"t\"," + text_of_size(kBytes)) + "\n");
  server.turn_unread();
  CHECK(server.encoded().bytes() > 2 * kBytes);
  CHECK(server.encoded().bytes() < 2 * kBytes + 1'000);
  for (const std::size_t each : subscribers) CHECK(server.dialogue(each).buffered_bytes() == 0);
  server.finish();
  CHECK(server.encoded().bytes() == 0);
  for (const std::size_t each : subscribers) CHECK(server.received(each).size() > kBytes);
  const std::string& in_json = server.received(subscribers[0]);
  CHECK(in_json.find("xxx\"") != std::string::npos);
}

TEST_CASE("dialogue: connections share the JSON text of a large value", "[net]") {
  constexpr std::size_t kBytes = 500'000;
  SocketlessServer server;
  const std::size_t writer = server.connect();
  server.send(writer, json_call(1, "object.create", "\"dict\",\"d\"") + "\n");
  std::vector<std::size_t> readers;
  for (int i = 0; i < 10; ++i) {
    readers.push_back(server.connect());
    server.send(readers.back(), i % 2 == 0 ? json_call(7, "dict.wait_for", "\"d\",\"k\"") + "\n"
                                           : std::string{"dict.wait_for d k\n"});
  }
  server.finish();
  server.send(writer, json_call(2, "dict.set", "\"d\",\"k\"," + text_of_size(kBytes)) + "\n");
  server.turn_unread();
  CHECK(server.encoded().bytes() == kBytes + 2);
  server.finish();
  CHECK(server.encoded().bytes() == 0);
  for (const std::size_t each : readers) {
    const std::string& reply = server.received(each);
    const std::string head = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":";
    const bool typed = reply.front() == '"';
    CHECK((typed ? reply : reply.substr(head.size())) ==
          text_of_size(kBytes) + (typed ? "\n" : "}\n"));
  }
}

TEST_CASE("output: bytes that were sent are freed although some are always left", "[net]") {
  Output output;
  const std::string part(100'000, 'p');
  output.bytes() += "begin";
  for (int i = 0; i < 100; ++i) {
    output.bytes() += part;
    output.consume(part.size());
  }
  CHECK(output.size() == 5);
  CHECK(output.own_bytes() < 3'000'000);
}

}  // namespace
}  // namespace agora
