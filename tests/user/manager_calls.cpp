// SPDX-License-Identifier: MIT

// The manager's operations beside its factories: raw calls, information about the server, TCP.
#include <map>
#include <string>
#include <vector>

#include <agora/agora.hpp>
#include <agora/detail/methods.hpp>

#include "tests/user/check.hpp"

namespace {

using Map = std::map<std::string, agora::any>;

/// The client's method descriptors have the flags of the server's catalogue.
void check_descriptors(const agora::manager& m) {
  const auto types = m.call<Map>("server.methods")["types"].get<std::vector<Map>>();
  int waiting = 0;
  for (Map type : *types) {
    const auto methods = type["methods"].get<std::vector<Map>>();
    for (Map method : *methods) {
      const std::string name = *method["name"].get<std::string>();
      const agora::detail::Method described = agora::detail::find_method(name);
      const bool reads = described.effect == agora::detail::CallEffect::reads;
      const bool same = described.waits == *method["waits"].get<bool>() &&
                        reads == *method["reads"].get<bool>() &&
                        described.redelivers == *method["redelivers"].get<bool>();
      if (!same) std::fprintf(stderr, "%s\n", name.c_str());
      USER_CHECK(same);
      waiting += described.waits ? 1 : 0;
    }
  }
  USER_CHECK(waiting >= 20);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    USER_CHECK(m.ping());
    USER_CHECK(m.transport() == "shared memory");
    USER_CHECK(agora::manager({.shared_memory = false}).transport() == "unix");
    USER_CHECK(m.address().starts_with("unix:/"));
    USER_CHECK(m.server().get<std::map<std::string, agora::any>>()->contains("incarnation"));
    check_descriptors(m);
    const auto d = m.dict<std::string, int>("numbers", {{"a", 1}});
    const auto l = m.lock("door");
    USER_CHECK(m.call<int>("dict.get", "numbers", "a") == 1);
    USER_CHECK(m.call("dict.get", d, "a") == agora::any(1));  // a proxy stands for its name
    m.call<void>("dict.set", "numbers", "b", 2);
    USER_CHECK(d.at("b") == 2);
    USER_THROWS(m.call("dict.get"), agora::invalid_params);
    USER_THROWS(m.call<std::string>("dict.get", "numbers", "a"), agora::type_error);

    const auto all = m.objects();
    USER_CHECK(all.size() == 2);
    USER_CHECK(all[0].name == "door" && all[0].type == "lock");
    USER_CHECK(all[1].name == "numbers" && all[1].version > 1);
    USER_CHECK(m.objects("num*").size() == 1);
    for (int i = 0; i < 1500; ++i) m.event("many" + std::to_string(i));
    USER_CHECK(m.objects("many*").size() == 1500);

    USER_CHECK(m.exists("door") && !m.exists("view"));
    USER_CHECK(m.remove("door") && !m.remove("door"));
    USER_THROWS(l.lock(), agora::not_found);
    const agora::manager second(m.address());
    USER_CHECK((second.dict<std::string, int>("numbers") != d));
    USER_CHECK((m.dict<std::string, int>("numbers") == d));
    USER_CHECK((second.dict<std::string, int>("numbers").at("a") == 1));
  });
}
