// SPDX-License-Identifier: MIT

// A program that embeds a server with a type of its own, and uses it through a typed proxy.
#include <cstdint>
#include <string>
#include <thread>

#include <agora/agora.hpp>
#include <agora/server/server.hpp>

#include "docs/examples/user_type/account.hpp"
#include "tests/user/check.hpp"

namespace {

/// A complete typed proxy.
class account : public agora::proxy {
 public:
  static constexpr std::string_view type = "account";
  using proxy::proxy;

  std::int64_t balance() const { return read<std::int64_t>("account.balance"); }
  std::int64_t deposit(std::int64_t cents) const {
    return change<std::int64_t>("account.deposit", cents);
  }
  std::int64_t withdraw(std::int64_t cents) const {
    return change<std::int64_t>("account.withdraw", cents);
  }
};

/// A class that reports its memory.
class Notes {
 public:
  explicit Notes(std::string text) : text_(std::move(text)) {}
  void add(const std::string& more) { text_ += more; }
  void clear() { std::string{}.swap(text_); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

agora::user_type notes_type() {
  return agora::describe_class<Notes>("notes", "A text that grows.")
      .constructor<std::string>({{"text", "The first text.", ""}})
      .method("add", &Notes::add, "Adds to it.", {{"more"}})
      .method("clear", &Notes::clear, "Empties it.")
      .frees_memory("clear")
      .saved([](const Notes& notes) { return notes.text(); },
             [](std::string text) { return Notes{std::move(text)}; })
      .bytes([](const Notes& notes) { return notes.text().capacity(); });
}

/// A proxy of such an object.
class notes : public agora::proxy {
 public:
  static constexpr std::string_view type = "notes";
  using proxy::proxy;

  void add(const std::string& more) const { change<void>("notes.add", more); }
  void clear() const { change<void>("notes.clear"); }
};

/// The server of this program, on a free port of loopback, in its own thread.
class Embedded {
 public:
  Embedded() : server_(options()), thread_([this] { server_.run(); }) {}
  ~Embedded() {
    server_.stop();
    thread_.join();
  }
  Embedded(const Embedded&) = delete;
  Embedded& operator=(const Embedded&) = delete;
  std::string address() const { return "tcp://" + server_.tcp_address(); }

 private:
  static agora::ServerOptions options() {
    agora::ServerOptions with_type;
    with_type.tcp = "127.0.0.1:0";
    with_type.types = {account_type(), notes_type()};
    with_type.limits.memory_bytes_max = 4'000'000;
    return with_type;
  }
  agora::Server server_;
  std::thread thread_;
};

}  // namespace

int main() {
  return user::run([] {
    const Embedded server;
    const agora::manager m(server.address());
    const auto mine = m.object<account>("mine", 100);
    USER_CHECK(mine.balance() == 100 && mine.deposit(20) == 120 && mine.withdraw(100) == 20);
    try {
      mine.withdraw(21);
      USER_CHECK(false);
    } catch (const agora::user_error& caught) {
      USER_CHECK(std::string(caught.what()).find("there are only 20 cents") != std::string::npos);
      USER_CHECK(caught.done() == agora::Done::unknown);  // only the class itself could know
    }
    USER_THROWS(m.object<account>("other", -1), agora::user_error);
    USER_CHECK((m.object<account>("mine", 7).balance() == 20));  // opened, not created

    const auto names = m.dict<std::string, agora::reference>();
    names["savings"] = m.object<account>("", 5);
    const auto savings = m.object<account>(names.at("savings"));
    USER_CHECK(savings.name().starts_with('#') && savings.balance() == 5);
    m.atomically([&](agora::transaction& t) {
      t.call<std::int64_t>(mine, "account.withdraw", 20);
      t.call<std::int64_t>(savings, "account.deposit", 20);
    });
    USER_CHECK(mine.balance() == 0 && savings.balance() == 25);
    // The memory that a class reports counts: at the cap its objects no longer grow.
    const auto text = m.object<notes>("text", std::string{});
    for (int i = 0; i < 16; ++i) {
      try {
        text.add(std::string(1'000'000, 'n'));
        USER_CHECK(i < 6);
      } catch (const agora::out_of_memory&) {
        USER_CHECK(i > 2);
      }
    }
    text.clear();
    text.add("again");
    const auto lock = m.lock();
    USER_THROWS(agora::guarded(mine, lock), agora::not_locked);
  });
}
