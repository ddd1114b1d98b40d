// SPDX-License-Identifier: MIT

// Anonymous objects live as long as any proxy or container refers to them.
#include <optional>
#include <string>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

int main() {
  return user::run([] {
    agora::manager m;
    std::string name;
    {
      auto l = m.list<int>("", {1, 2});
      auto copy = l;
      name = l.name();
      USER_CHECK(name.starts_with('#'));
      l = m.list<int>();
      USER_CHECK(m.exists(name));
      USER_CHECK(copy.size() == 2);
    }
    m.ping();
    USER_CHECK(!m.exists(name));

    auto outer = m.dict<std::string, agora::any>("outer");
    {
      auto inner = m.list<int>("", {7});
      outer["inner"] = inner;
      name = inner.name();
    }
    USER_CHECK(m.exists(name));
    auto again = m.list<int>(*outer.at("inner").get<agora::reference>());
    USER_CHECK(again.at(0) == 7);
    outer.erase("inner");
    USER_CHECK(again.size() == 1);

    // A child takes its holds before the parent continues, so the parent may release at once.
    auto done = m.event("done");
    auto result = m.value<int>("result", 0);
    std::optional<agora::list<int>> parents = m.list<int>("", {4, 5, 6});
    agora::process child([l = *parents, done, result] {
      done.wait();
      result = static_cast<int>(l.size());
    });
    name = parents->name();
    parents.reset();
    USER_CHECK(m.exists(name));
    done.set();
    child.join();
    USER_CHECK(child.exit_code() == 0);
    USER_CHECK(result == 3);

    // A reference that was read holds its object, and so does a child that inherits it.
    outer["inner"] = m.list<int>("", {8, 9});
    agora::any read = outer.at("inner");
    outer.erase("inner");
    done.clear();
    agora::process reader([inherited = *read.get<agora::reference>(), m, done, result] {
      done.wait();
      result = m.list<int>(inherited).at(1);
    });
    name = read.get<agora::reference>()->name;
    read = agora::any();
    USER_CHECK(m.exists(name));
    done.set();
    reader.join();
    USER_CHECK(reader.exit_code() == 0);
    USER_CHECK(result == 9);
    while (m.exists(name)) {  // until the server knows that the child has ended
    }
  });
}
