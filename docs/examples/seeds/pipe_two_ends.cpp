// SPDX-License-Identifier: MIT

// Seed 004, the program with Pipe(): parent and child exchange messages over the two ends of a
// pipe.
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <agora/agora.hpp>

namespace {

using Any = agora::any;

void f(const agora::pipe_end<>& end) {
  end.send(std::vector<Any>{12, std::map<std::string, std::string>{{"name", "yuan"}}, "hello"});
  std::cout << "response " << *end.receive().get<std::string>() << '\n';
  end.close();
}

}  // namespace

int main() {
  const agora::manager m;
  const auto pipe = m.pipe();

  agora::process p(f, pipe.second());
  std::cout << pipe.first().receive() << std::endl;  // before the child prints
  pipe.first().send("hello");
  p.join();
  std::cout << "endding\n";
}
