// SPDX-License-Identifier: MIT

// Embeds a server and talks to it, with nothing but what is installed.
#include <iostream>
#include <thread>

#include <agora/agora.hpp>
#include <agora/server/server.hpp>

int main() {
  agora::ServerOptions options;
  options.tcp = "127.0.0.1:0";
  agora::Server server{options};
  std::thread serving{[&] { server.run(); }};
  int code = 1;
  {
    agora::manager m("tcp://" + server.tcp_address());
    auto d = m.dict<std::string, int>("d");
    d["k"] = 41;
    d["k"] += 1;
    std::cout << d << '\n';
    code = d.at("k") == 42 ? 0 : 1;
  }
  server.stop();
  serving.join();
  return code;
}
