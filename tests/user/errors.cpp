// SPDX-License-Identifier: MIT

// Every error can be caught by its own name, by agora::error, by its standard base and by
// std::exception, and done() says whether the effect happened.
#include <stdexcept>
#include <string>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

/// Catches the same failure in each of the four ways.
template <typename Own, typename Standard, typename Body>
void check_four_ways(agora::Errc code, Body body) {
  USER_THROWS(body(), Own);
  USER_THROWS(body(), agora::error);
  USER_THROWS(body(), Standard);
  USER_THROWS(body(), std::exception);
  try {
    body();
  } catch (const agora::error& caught) {
    USER_CHECK(caught.code() == code);
    USER_CHECK(caught.done() == agora::Done::no);
    USER_CHECK(std::string(caught.what()).size() > 5);
  }
}

}  // namespace

int main() {
  return user::run([] {
    agora::manager m;
    auto d = m.dict<std::string, int>("d", {{"a", 1}});
    auto words = m.dict<std::string, std::string>("d");
    auto l = m.list<int>("l");
    auto q = m.queue<int>("q", {.maxsize = 1});
    using agora::Errc;
    check_four_ways<agora::key_error, std::out_of_range>(Errc::key_error, [&] { d.at("x"); });
    check_four_ways<agora::index_error, std::out_of_range>(Errc::index_error, [&] { l.at(3); });
    check_four_ways<agora::type_error, std::invalid_argument>(Errc::type_error,
                                                              [&] { words.at("a"); });
    check_four_ways<agora::wrong_type, std::runtime_error>(Errc::wrong_type, [&] { m.lock("d"); });
    check_four_ways<agora::value_error, std::invalid_argument>(Errc::value_error,
                                                               [&] { q.task_done(); });
    check_four_ways<agora::method_not_found, std::runtime_error>(Errc::method_not_found,
                                                                 [&] { m.call("dict.fly"); });
    q.close();
    check_four_ways<agora::shut_down, std::runtime_error>(Errc::shut_down, [&] { q.pop(); });
    m.remove("l");
    check_four_ways<agora::not_found, std::runtime_error>(Errc::not_found, [&] { l.size(); });

    try {
      d.at("x");
    } catch (const agora::error& caught) {
      USER_CHECK(caught.detail("key") == agora::any("x"));
      USER_CHECK(!caught.detail("colour"));
    }
    try {
      words.at("a");
    } catch (const agora::type_error& caught) {
      const std::string said = caught.what();
      USER_CHECK(said.find("dict d") != said.npos);
      USER_CHECK(said.find("\"a\"") != said.npos);
      USER_CHECK(said.find("expected text") != said.npos);
      USER_CHECK(said.find("found int 1") != said.npos);
    }
    USER_CHECK(!d.find("x"));
    USER_CHECK(d.find("a") == 1);
    USER_THROWS(agora::manager("unix:/nowhere/agora.sock"), agora::unavailable);
    USER_THROWS(agora::manager("carrier-pigeon"), std::invalid_argument);
  });
}
