// Speakers: a typed line in the three forms of the wire, and answers back to typed text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/core/state/catalogue.hpp"
#include "tests/conformance/transport.hpp"

namespace agora::test {

/// A line as method and parameters (a list or map in normal form).
struct Spoken {
  std::string method;
  std::string params;
  std::string refusal;  ///< not empty: the line itself is wrong; this is its answer
};
Spoken understand(const Catalogue& catalogue, const std::string& line);

/// The answer as typed text.
std::string shown(PackedView result);
std::string shown(const Error& error);

/// One session's speech: makes messages, finds answers in what comes back.
class Speaker {
 public:
  virtual ~Speaker() = default;
  /// The bytes of a call; its answer will come under that number.
  virtual std::string say(std::uint64_t number, const std::string& line) = 0;
  struct Heard {
    std::uint64_t number;  ///< of the call that is answered; 0: a notice
    std::string text;
  };
  /// Takes bytes that arrived; gives the complete answers in them.
  virtual std::vector<Heard> hear(const std::string& bytes) = 0;
};
std::unique_ptr<Speaker> speaker(Speech speech, const Catalogue& catalogue);

}  // namespace agora::test
