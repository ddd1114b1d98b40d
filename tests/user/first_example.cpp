// SPDX-License-Identifier: MIT

// The first example of the documentation, word for word, and checks of its effects.
#include <iostream>
#include <vector>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

int main() {
  return user::run([] {
    agora::manager
        m;  // a private server process, gone with this one (as multiprocessing.Manager())

    auto d = m.dict<agora::any, agora::any>("d");  // create or open; m.dict<K,V>() is anonymous
    auto l = m.list<int>("l", {0, 1, 2, 3, 4});    // initial content only if this call creates it

    std::vector<agora::process> workers;
    for (int n = 0; n < 10; ++n)
      workers.emplace_back([=] {
        d[n] = "1";
        d["2"] = 2;
        l.push_back(n);
      });  // forked; proxies just work in the child
    for (auto& w : workers) w.join();

    std::cout << d << '\n' << l << '\n';

    for (auto& w : workers) USER_CHECK(w.exit_code() == 0);
    USER_CHECK(d.size() == 11);
    USER_CHECK(d.at("2") == agora::any(2));
    USER_CHECK(d.at(7) == agora::any("1"));
    USER_CHECK(l.size() == 15);
    for (int n = 0; n < 10; ++n) USER_CHECK(l.count(n) == (n < 5 ? 2u : 1u));
  });
}
