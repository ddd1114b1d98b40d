// SPDX-License-Identifier: MIT

#include "server/net/protocol_context.hpp"

#include <string>

#include "shared/wire/json_rpc.hpp"

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

void ProtocolContext::refuse_headers() {
  const Error error{Errc::parse_error,
                    "messages have no Content-Length header here: send each as one line that ends "
                    "in a line feed",
                    Done::no,
                    {}};
  encode_json_error(kNullValue, error, output.bytes());
  output.bytes() += '\n';
  close();
}

}  // namespace agora
