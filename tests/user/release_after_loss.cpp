// SPDX-License-Identifier: MIT

// A session is ended by an administrator while one of its threads holds a lock. From the moment in
// which held() is false, release() throws session_lost; it never claims that the lock was not held.
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

using Row = std::map<std::string, agora::any>;

std::string session_of(const agora::manager& admin, const std::string& client) {
  for (Row& row : admin.call<std::vector<Row>>("server.sessions")) {
    const auto name = row["client"].get<std::string>();
    if (name && *name == client) return *row["id"].get<std::string>();
  }
  return {};
}

void lose_once(const agora::manager& admin, const std::string& client) {
  const agora::manager m(admin.address(), {.client = client});
  const auto lock = m.lock("contended");
  lock.lock(), lock.unlock();  // from now on this process takes the lock by its word
  lock.lock();
  const std::string session = session_of(admin, client);
  const std::jthread administrator([&] { admin.call<agora::any>("server.end_session", session); });
  while (lock.held()) {
  }
  USER_THROWS(lock.release(), agora::session_lost);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager admin;
    const auto lock = admin.lock("contended");
    for (int round = 0; round < 1000; ++round) lose_once(admin, "victim" + std::to_string(round));
  });
}
