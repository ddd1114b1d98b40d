// SPDX-License-Identifier: MIT

// Acknowledgements: which replies have reached their callers and must be acknowledged to the
// server.
//
// The server keeps the reply of a changing call until the client acknowledges it. The numbers of
// calls go up. `through` is the last number up to which all calls are finished; finished calls
// above a call that still waits are acknowledged one by one. An acknowledgement that was sent on a
// connection that broke may be lost, so it stays here until a later reply proves that it arrived.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

namespace agora::detail {

/// Does no I/O. Has no lock of its own: the session's mutex guards it.
class Acknowledgements {
 public:
  /// Registers a pending call. Numbers go up.
  void opened(std::uint64_t number) {
    open_.insert(open_.end(), number);
    last_ = number;
  }
  /// Notes that the caller has its reply, or does not want one.
  /// @param kept  whether the server keeps the reply until it is acknowledged
  void finished(std::uint64_t number, bool kept);
  /// Notes that the present connection has brought the reply to that call.
  void answered(std::uint64_t number);
  /// The connection is lost: acknowledgements that may not have arrived are due again.
  void lost();

  /// Returns true if something must be acknowledged.
  bool due() const { return due_; }
  /// Appends the notification, to be sent in front of the call `next`.
  void write(std::uint64_t next, std::string& out);

  /// Returns the number up to which all calls are finished.
  std::uint64_t through() const { return open_.empty() ? last_ : *open_.begin() - 1; }

 private:
  struct InFlight {
    std::uint64_t next = 0;  // a reply to this call or a later one proves the arrival
    std::vector<std::uint64_t> numbers;
  };

  std::set<std::uint64_t> open_;
  std::uint64_t last_ = 0;
  std::vector<std::uint64_t> individual_;  // finished above `through`, not sent yet
  std::deque<InFlight> in_flight_;         // sent, perhaps lost with the connection
  bool due_ = false;
  bool kept_ = false;  // the server has kept at least one reply
};

}  // namespace agora::detail
