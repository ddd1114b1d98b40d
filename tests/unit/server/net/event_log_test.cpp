// SPDX-License-Identifier: MIT

#include "server/net/event_log.hpp"

#include <string>
#include <vector>

#include "tests/support/catch.hpp"

namespace agora {
namespace {

constexpr RepeatedEvent kRefused{"refused", "connections"};
constexpr RepeatedEvent kFailed{"failed", "logins"};

TEST_CASE("event log: the first event of a kind is a line, the others are summed up", "[net]") {
  asio::io_context io;
  EventLog log{io};
  std::vector<std::string> lines;
  log.to([&](const std::string& line) { lines.push_back(line); });
  for (int i = 0; i < 1'235; ++i) log.repeated(kRefused, "refused number " + std::to_string(i));
  log.repeated(kFailed, "one login failed");
  CHECK(lines == std::vector<std::string>{"refused number 0", "one login failed"});
  lines.clear();
  log.sum_up();
  CHECK(lines == std::vector<std::string>{
                     "refused 1,234 connections in the last minute; the last one: refused number "
                     "1234"});
  lines.clear();
  log.sum_up();
  CHECK(lines.empty());
  log.repeated(kRefused, "again");
  CHECK(lines.empty());
  log.end();
  CHECK(io.run() == 1);  // the cancelled wait, and no other
}

TEST_CASE("event log: numbers are grouped by thousands", "[net]") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(12'345'678) == "12,345,678");
}

}  // namespace
}  // namespace agora
