// SPDX-License-Identifier: MIT

// Proxies are cheap handles whose operations are const: a lambda that captures one by value need
// not be mutable, and a const reference to one suffices for all operations.
#include <string>

#include <agora/agora.hpp>

#include "tests/user/check.hpp"

namespace {

void fill(const agora::dict<std::string, int>& d, const agora::list<std::string>& l,
          const agora::value<int>& v, const agora::queue<int>& q) {
  d["a"] = 1;
  d["a"] += 4;
  ++d["a"];
  l.push_back("x");
  l[0] = "y";
  v = 3;
  ++v;
  v += 2;
  q.push(8);
}

}  // namespace

int main() {
  return user::run([] {
    const agora::manager m;
    const auto d = m.dict<std::string, int>();
    const auto l = m.list<std::string>();
    const auto v = m.value<int>("", 0);
    const auto q = m.queue<int>();
    const auto copy = [=] { fill(d, l, v, q); };
    copy();
    const int a = d["a"];
    USER_CHECK(a == 6);
    USER_CHECK(d["a"] == 6);
    const std::string first = l[0];
    USER_CHECK(first == "y");
    USER_CHECK(v == 6);
    USER_CHECK(q.pop() == 8);
    int total = 0;
    for (const auto& [key, number] : d) total += number + static_cast<int>(key.size());
    USER_CHECK(total == 7);
    d["b"] = d["a"];
    USER_CHECK(d.at("b") == 6);
  });
}
