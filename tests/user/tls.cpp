// SPDX-License-Identifier: MIT

// The same objects over TLS, from many threads, forked children, the I/O thread and several
// addresses; and each way in which a handshake fails has an error that says what to do.
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/tls_server.hpp"

using namespace std::chrono_literals;

namespace {

void objects(const agora::manager& m) {
  USER_CHECK(m.transport() == "tls");
  const auto d = m.dict<std::string, std::int64_t>("sums");
  const auto q = m.queue<int>("q");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        d.add("blocking", 1);
        q.push(round);
        q.pop();
        std::vector<std::future<std::int64_t>> told;
        for (int i = 0; i < 10; ++i) told.push_back(d.async_add("async", 1, 0, asio::use_future));
        for (auto& each : told) each.get();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  USER_CHECK(d.at("blocking") == 200 && d.at("async") == 2000);
}

/// Messages larger than all buffers between client and server, in both directions at once.
void large_messages(const agora::manager& m) {
  const std::string large(8'000'000, 'x');
  const auto words = m.list<std::string>("words");
  words.push_back(large);
  USER_CHECK(words.at(0) == large);
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      words.push_back(large);
      USER_CHECK(words.at(0) == large);
    });
  }
  for (auto& thread : threads) thread.join();
}

/// A notice wakes the I/O thread while no caller reads.
void notices(const agora::manager& m, const agora::manager& other) {
  const auto watched = m.dict<std::string, int>("watched");
  std::promise<void> seen;
  const auto subscription = watched.watch([&, told = false](const agora::object_change&) mutable {
    if (!std::exchange(told, true)) seen.set_value();
  });
  other.dict<std::string, int>("watched")["a"] = 1;
  seen.get_future().wait();
}

void children(const agora::manager& m) {
  const auto d = m.dict<std::string, std::int64_t>("sums");
  std::vector<agora::process> all;
  for (int i = 0; i < 3; ++i) {
    all.emplace_back([=] {
      for (int n = 0; n < 20; ++n) d.add("forked", 1);
    });
  }
  for (auto& child : all) child.join();
  USER_CHECK(d.at("forked") == 60);
}

/// Returns the error of a connection that must fail.
std::string refusal(const std::string& address, agora::manager_options options) {
  options.connect_timeout = 20s;
  try {
    const agora::manager m(address, options);
  } catch (const agora::error& error) {
    return error.what();
  }
  USER_FAIL("the connection must fail");
  return {};
}

bool holds(const std::string& text, const std::string& part) {
  if (text.find(part) != text.npos) return true;
  std::fprintf(stderr, "\"%s\" lacks \"%s\"\n", text.c_str(), part.c_str());
  return false;
}

void wrong_certificates(const user::Certificates& authority) {
  const user::OwnServer server(authority.arguments());
  const user::Certificates other;
  const std::string address = user::tls_address(server);
  USER_CHECK(holds(refusal(address, other.options()), "is signed by none of ca_file"));
  USER_CHECK(holds(refusal(address, {}), "is signed by none of the system's authorities"));
  USER_CHECK(holds(refusal(address, {.ca_file = "/nowhere/ca.pem"}), "ca_file /nowhere/ca.pem"));
  agora::manager_options named = authority.options();
  named.server_name = "elsewhere.example";
  USER_CHECK(
      holds(refusal(address, named), "is for localhost, 127.0.0.1, not for elsewhere.example"));
  agora::manager_options careless = other.options();
  careless.insecure_skip_verify = true;
  USER_CHECK(agora::manager(address, careless).ping());
  USER_CHECK(agora::manager(user::tls_address(server, "127.0.0.1"), authority.options()).ping());

  authority.issue({.name = "expired", .names = {"DNS:localhost"}, .from_s = -7200, .until_s = -60});
  const user::OwnServer late(authority.arguments("expired"));
  USER_CHECK(holds(refusal(user::tls_address(late), authority.options()), "has expired ("));
  authority.issue({.name = "early", .names = {"DNS:localhost"}, .from_s = 3600, .until_s = 7200});
  const user::OwnServer early(authority.arguments("early"));
  USER_CHECK(holds(refusal(user::tls_address(early), authority.options()), "check the clocks"));
}

void client_certificates(const user::Certificates& authority) {
  std::vector<std::string> arguments = authority.arguments();
  arguments.insert(arguments.end(), {"--tls-client-ca", authority.path()});
  const user::OwnServer server(arguments);
  const std::string address = user::tls_address(server);
  const auto with = [&](const user::Certificates& by, const std::string& name) {
    agora::manager_options options = authority.options();
    options.cert_file = by.certificate(name);
    options.cert_key_file = by.key(name);
    return options;
  };
  authority.issue({.name = "worker", .names = {"URI:agora:write"}});
  USER_CHECK(agora::manager(address, with(authority, "worker")).ping());
  USER_CHECK(holds(refusal(address, authority.options()), "requires a client certificate"));
  authority.issue({.name = "roleless", .names = {"DNS:roleless"}});
  USER_CHECK(holds(refusal(address, with(authority, "roleless")), "(CN=roleless) gives no role"));
  const user::Certificates other("another authority");
  other.issue({.name = "stranger", .names = {"URI:agora:admin"}});
  USER_CHECK(holds(refusal(address, with(other, "stranger")), "does not trust the authority"));
  authority.issue({.name = "old", .names = {"URI:agora:write"}, .from_s = -7200, .until_s = -60});
  USER_CHECK(holds(refusal(address, with(authority, "old")), "has expired: renew it"));
  agora::manager_options mixed = with(authority, "worker");
  mixed.cert_key_file = authority.key("old");
  USER_CHECK(holds(refusal(address, mixed), "cert_key_file " + mixed.cert_key_file));
  mixed.cert_key_file.clear();
  USER_CHECK(holds(refusal(address, mixed), "belong together"));
  // Plain text, where only certificates prove who a client is.
  USER_CHECK(holds(refusal(server.tcp_address(), {}), "takes TLS only"));
}

void other_protocols(const user::Certificates& authority) {
  const user::OwnServer plain;
  USER_CHECK(holds(refusal(user::tls_address(plain), authority.options()), "--tls-cert"));
  const user::OwnServer server(authority.arguments());
  USER_CHECK(agora::manager(server.tcp_address()).ping());  // on loopback both are served
  USER_CHECK(holds(refusal("tls://nowhere.invalid:1", authority.options()),
                   "the name \"nowhere.invalid\" has no address"));
  const std::string none = refusal("tls://127.0.0.1:1,localhost:1", authority.options());
  USER_CHECK(holds(none, "tls://127.0.0.1:1") && holds(none, "tls://localhost:1"));
  // The first address has no server; the second one serves.
  const std::string both =
      "tls://127.0.0.1:1,localhost" + server.tcp_address().substr(server.tcp_address().rfind(':'));
  USER_CHECK(agora::manager(both, authority.options()).ping());
}

}  // namespace

int main() {
  return user::run([] {
    const user::Certificates authority;
    {
      const user::OwnServer server(authority.arguments());
      const agora::manager m(user::tls_address(server), authority.options());
      const agora::manager other(server.unix_address());
      objects(m);
      large_messages(m);
      notices(m, other);
      children(m);
    }
    wrong_certificates(authority);
    client_certificates(authority);
    other_protocols(authority);
  });
}
