// SPDX-License-Identifier: MIT

// TypedProtocol: the lines that a person types at telnet, on one connection.
//
// One line runs at a time: the reply carries no number, so its place says which line it belongs to.
// Lines that come while one waits are queued; an empty line cancels the one that waits. Beyond a
// bound the input is held back, and nothing is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "server/net/protocol.hpp"
#include "server/net/protocol_context.hpp"
#include "shared/value/packed.hpp"

namespace agora {

class TypedProtocol {
 public:
  explicit TypedProtocol(ProtocolContext& context) : context_(context) {}

  /// Returns true if this line, whatever its protocol, must stay unread: it would be queued, or a
  /// line before it has been held back.
  bool must_hold_back(std::string_view line) const;
  /// Runs one line (without its end), or queues it behind the one that waits.
  void read_line(std::string_view line);
  /// Writes the reply of the line that runs, then runs the next ones.
  void reply(const Reply& reply);
  /// Notes that the call with that tag waits: the lines behind it are read and queued.
  void parked(std::uint64_t tag);
  /// Writes an error that belongs to no line.
  void refuse(const Error& error);
  /// Closes once no line is queued. The line that waits is cancelled to let the queued ones run.
  void end_of_input();
  /// Cancels the line that waits if the client has closed its sending side and lines are held back:
  /// no empty line can reach the server then.
  void peer_ended();

 private:
  void run(std::string_view line);
  void run_queued();
  void write(const Reply& reply);
  void write(const Error& error) { write(Reply{{}, &error, BlobRef{}}); }

  ProtocolContext& context_;
  std::uint64_t last_number_ = 0;
  std::uint64_t tag_ = 0;           // of the call that has no reply yet; 0: there is none
  bool is_help_ = false;            // the call is help: its result is shown as text
  std::deque<std::string> queued_;  // lines behind that call
  std::size_t queued_bytes_ = 0;
};

}  // namespace agora
