// SPDX-License-Identifier: MIT

// Programs log in with a key: the right one, a wrong one, none; a cut connection logs in again; a
// server that does not know the key is found out.
#include <atomic>
#include <chrono>
#include <fstream>
#include <netinet/in.h>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"
#include "tests/user/cutting_proxy.hpp"
#include "tests/user/own_server.hpp"

namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

const std::string kKey(64, '7');

/// A folder with key files, removed at the end.
class Keys {
 public:
  Keys() {
    USER_CHECK(mkdtemp(folder_) != nullptr);
    write("server", "ci write " + kKey + "\nreader read " + std::string(64, '8') + "\n");
    write("ci", "ci write " + kKey + "\n");
    write("wrong", "ci write " + std::string(64, '9') + "\n");
    write("malformed", "\nci\n");
  }
  ~Keys() {
    for (const char* name : {"server", "ci", "wrong", "malformed"}) unlink(path(name).c_str());
    rmdir(folder_);
  }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  std::string path(const std::string& name) const { return std::string(folder_) + "/" + name; }

 private:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    chmod(path(name).c_str(), 0600);
  }
  char folder_[32] = "/tmp/agora-login-XXXXXX";
};

/// Returns the message of the Error that connecting throws.
template <typename Error>
std::string refusal(const std::string& address, const agora::manager_options& options) {
  try {
    const agora::manager m(address, options);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string id_of(const agora::manager& m) {
  auto info = m.call<std::map<std::string, agora::any>>("session.info");
  return *info["id"].get<std::string>();
}

void the_right_key(const Keys& keys, const std::string& address) {
  const agora::manager m(address, {.key_file = keys.path("ci")});
  USER_CHECK(id_of(m) == "ci");
  const auto d = m.dict<std::string, int>("d");
  d["a"] = 1;
  const agora::manager reader(address, {.key_file = keys.path("server"), .key_id = "reader"});
  USER_CHECK(id_of(reader) == "reader");
  USER_CHECK((reader.dict<std::string, int>(agora::reference{"d"}).at("a") == 1));
  try {
    reader.call<void>("dict.set", "d", "a", 2);
    USER_FAIL("a reader has written");
  } catch (const agora::forbidden& error) {
    USER_CHECK(contains(error.what(), "needs the role write"));
  }
}

void wrong_keys(const Keys& keys, const std::string& address) {
  const std::string none = refusal<agora::unauthenticated>(address, {});
  USER_CHECK(contains(none, "session.open needs a login"));
  const std::string wrong =
      refusal<agora::unauthenticated>(address, {.key_file = keys.path("wrong")});
  USER_CHECK(contains(wrong, "the server refused the login as ci by " + keys.path("wrong")));
  USER_CHECK(contains(refusal<agora::value_error>(address, {.key_file = keys.path("malformed")}),
                      "malformed: line 2: "));
  USER_CHECK(contains(refusal<agora::value_error>(address, {.key_file = "/nowhere"}),
                      "key_file /nowhere: No such file"));
  USER_CHECK(contains(
      refusal<agora::value_error>(address, {.key_file = keys.path("ci"), .key_id = "nobody"}),
      "no key with the id"));
}

/// Each new connection logs in before the session resumes on it.
void cut_connections(const Keys& keys, const std::string& address) {
  user::CuttingProxy proxy(address);
  const agora::manager m(proxy.address(), {.key_file = keys.path("ci")});
  const auto counter = m.counter("cuts");
  for (int i = 1; i <= 20; ++i) {
    proxy.cut();
    USER_CHECK(counter.add(1) == i);
  }
  USER_CHECK(id_of(m) == "ci");
}

void servers_without_keys(const Keys& keys) {
  const user::OwnServer open;
  const std::string message =
      refusal<agora::unauthenticated>(open.tcp_address(), {.key_file = keys.path("ci")});
  USER_CHECK(contains(message, "--key-file"));
}

/// Replies to a login without knowing the key.
class Impostor {
 public:
  Impostor() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    USER_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&where), size) == 0);
    USER_CHECK(listen(listener_, 8) == 0);
    USER_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Impostor() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  Impostor(const Impostor&) = delete;
  Impostor& operator=(const Impostor&) = delete;

  std::string address() const { return "tcp://127.0.0.1:" + std::to_string(port_); }
  int messages() const { return messages_; }

 private:
  void serve() {
    const std::string challenge =
        std::string("\x94\x01\x00\xc0\x82\xa6server\xa1x\xa5nonce\xd9\x40"sv) +
        std::string(64, '0');
    const std::string login =
        std::string("\x94\x01\x00\xc0\x82\xa4role\xa5write\xa5proof\xd9\x40"sv) +
        std::string(64, '0');
    const int fd = accept(listener_, nullptr, nullptr);
    char space[4096];
    for (const std::string& reply : {challenge, login}) {
      if (recv(fd, space, sizeof space, 0) <= 0) break;
      ++messages_;
      USER_CHECK(send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) > 0);
    }
    if (recv(fd, space, sizeof space, 0) > 0) ++messages_;  // the client has closed it
    close(fd);
  }

  int listener_;
  int port_ = 0;
  std::atomic<int> messages_{0};
  std::thread thread_;
};

void an_impostor_is_found_out(const Keys& keys) {
  Impostor impostor;
  const std::string message =
      refusal<agora::unauthenticated>(impostor.address(), {.key_file = keys.path("ci")});
  USER_CHECK(contains(message, "has not proven that it knows the key ci"));
  USER_CHECK(impostor.messages() == 2);
}

}  // namespace

int main() {
  return user::run([] {
    const Keys keys;
    const user::OwnServer server({"--key-file", keys.path("server")});
    the_right_key(keys, server.tcp_address());
    wrong_keys(keys, server.tcp_address());
    cut_connections(keys, server.tcp_address());
    const agora::manager local(server.unix_address(), {.key_file = keys.path("ci")});
    USER_CHECK(id_of(local) == "ci");
    servers_without_keys(keys);
    an_impostor_is_found_out(keys);
  });
}
