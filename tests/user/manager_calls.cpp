// A manager beside its factories: raw calls, the server's own view, TCP.
#include <agora/agora.hpp>

#include <map>
#include <string>
#include <vector>

#include "tests/user/check.hpp"

int main() {
  return user::run([] {
    const agora::manager m;
    USER_CHECK(m.ping());
    USER_CHECK(m.transport() == "unix");
    USER_CHECK(m.address().starts_with("unix:/"));
    USER_CHECK(m.server().get<std::map<std::string, agora::any>>()->contains("incarnation"));
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

    USER_CHECK(m.exists("door") && !m.exists("window"));
    USER_CHECK(m.remove("door") && !m.remove("door"));
    USER_THROWS(l.lock(), agora::not_found);
    const agora::manager second(m.address());
    USER_CHECK((second.dict<std::string, int>("numbers") != d));
    USER_CHECK((m.dict<std::string, int>("numbers") == d));
    USER_CHECK((second.dict<std::string, int>("numbers").at("a") == 1));
  });
}
