// SPDX-License-Identifier: MIT

#include "server/net/protocol_context.hpp"

#include <string>

namespace agora {

void ProtocolContext::refuse_http() {
  constexpr std::string_view kNotHttp = "This port speaks agora, not HTTP; try telnet.\n";
  output.bytes()
      .append("HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: ")
      .append(std::to_string(kNotHttp.size()))
      .append("\r\nConnection: close\r\n\r\n")
      .append(kNotHttp);
  close();
}

}  // namespace agora
