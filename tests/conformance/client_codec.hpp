// SPDX-License-Identifier: MIT

// Client codecs: encode a typed line in each wire format, and decode replies back to typed text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/core/state/catalogue.hpp"
#include "tests/conformance/transport.hpp"

namespace agora::test {

/// A typed line as method and parameters.
struct ParsedLine {
  std::string method;
  std::string params;  ///< a list or map in MessagePack
  std::string error;   ///< the typed text of the error if the line cannot be parsed, else empty
};
ParsedLine parse_line(const Catalogue& catalogue, const std::string& line);

/// Returns a result or an error as the text of a typed reply.
std::string typed_text(PackedView result);
std::string typed_text(const Error& error);

/// The client side of one session's protocol: encodes calls, and decodes replies and notices.
class ClientCodec {
 public:
  virtual ~ClientCodec() = default;
  /// Returns the bytes of a call. Its reply is decoded with the same number.
  virtual std::string encode(std::uint64_t number, const std::string& line) = 0;
  struct Decoded {
    std::uint64_t number;  ///< of the call that is answered; 0 for a notice
    std::string text;
  };
  /// Takes bytes that arrived. Returns the messages that are complete by now; keeps the rest.
  virtual std::vector<Decoded> decode(const std::string& bytes) = 0;
};
std::unique_ptr<ClientCodec> make_codec(WireFormat format, const Catalogue& catalogue);

}  // namespace agora::test
