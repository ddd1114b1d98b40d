// Acknowledgements: which replies the caller has, and what is to be said of it to the server.
//
// The server keeps the reply of a changing call until the client says that it has arrived. Numbers
// of calls go up; `through` is the last one below which nothing is open, and what is answered
// above a call that still waits is said one by one. What was said on a connection that broke may
// have been lost with it, so it stays here until a later reply proves that it arrived.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

namespace agora::detail {

/// No I/O, no lock of its own.
class Acknowledgements {
 public:
  /// The call of that number is under way. Numbers go up.
  void opened(std::uint64_t number) {
    open_.insert(open_.end(), number);
    last_ = number;
  }
  /// The caller of that call has its reply, or wants none. `kept`: the server keeps that reply.
  void finished(std::uint64_t number, bool kept);
  /// A reply to that call has come on the present connection.
  void answered(std::uint64_t number);
  /// The connection is lost: what may not have arrived is due again.
  void lost();

  /// Whether there is something to say.
  bool due() const { return due_; }
  /// Appends the notification that says it, to be sent in front of the call `next`.
  void write(std::uint64_t next, std::string& out);

  /// All calls up to this number are finished.
  std::uint64_t through() const { return open_.empty() ? last_ : *open_.begin() - 1; }

 private:
  struct Said {
    std::uint64_t next = 0;  // a reply to this call or a later one proves that it arrived
    std::vector<std::uint64_t> numbers;
  };

  std::set<std::uint64_t> open_;
  std::uint64_t last_ = 0;
  std::vector<std::uint64_t> single_;  // finished above `through`, not said yet
  std::deque<Said> said_;
  bool due_ = false;
  bool kept_ = false;  // the server has kept a reply at some time
};

}  // namespace agora::detail
