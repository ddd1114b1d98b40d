// SPDX-License-Identifier: MIT

// Asynchronous calls beside blocking ones of the same client: a thread that stops reading passes
// the baton, so that no reply lies unread until the next heartbeat.
#include <chrono>
#include <future>

#include <asio.hpp>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/own_server.hpp"

using namespace std::chrono_literals;

namespace {

// A heartbeat comes every 20 minutes, so that none hides an unread reply.
void replies_are_read(bool shared_memory) {
  const user::OwnServer server;
  const agora::manager reader(server.unix_address(), {.ttl = 1h, .shared_memory = shared_memory});
  const agora::manager writer(server.unix_address());
  const auto awaited = reader.queue<int>("q");
  const auto given = writer.queue<int>("q");
  const auto d = reader.dict<std::string, int>("d");
  for (int i = 0; i < 200; ++i) {
    auto item = awaited.async_pop(asio::use_future);
    for (int call = 0; call <= i % 3; ++call) d.insert_or_assign("k", call);
    given.push(i);
    USER_CHECK(item.wait_for(20s) == std::future_status::ready);
    USER_CHECK(item.get() == i);
  }
}

}  // namespace

int main() {
  return user::run([] {
    replies_are_read(false);
    replies_are_read(true);
  });
}
