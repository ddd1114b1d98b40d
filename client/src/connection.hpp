// Connection: calls over one socket, from any number of threads. Reading is a baton.
//
// Each caller does its own input and output. Whoever finds nobody reading takes the baton, reads,
// and deals the replies of the others into their slots; when it has its own it hands the baton to
// a caller that sleeps. There is no other thread, and a lone caller costs one send and one receive.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include <agora/handle.hpp>

#include "client/src/call_table.hpp"
#include "client/src/deadline.hpp"
#include "client/src/inbox.hpp"
#include "client/src/socket.hpp"
#include "shared/base/expected.hpp"

namespace agora::client {

class Connection {
 public:
  /// `number` is never 0 and names this connection among all of its client.
  Connection(std::unique_ptr<Socket> socket, std::uint64_t number);

  struct Outcome {
    Expected<Packed> result;
    bool sent = false;  ///< the server may have got the call
  };
  /// Makes one call and waits for its reply.
  /// @error whatever the server answers.
  /// @error timeout      no reply by the deadline; done unknown for a changing call that was sent.
  /// @error unavailable  the connection is lost; done unknown for a changing call that was sent.
  /// @error too_large    the parameters are more than a message may hold; nothing was sent.
  Outcome call(const Call& call, const Deadline& deadline);

  /// Sends a message that has no answer; waits until the kernel took it, 1 s at most. Never
  /// throws, and says nothing of success.
  void notify(const std::string& message) noexcept;

  std::uint64_t number() const { return number_; }
  /// True once the connection is known to be over; for good.
  bool lost() const { return lost_.load(std::memory_order_acquire); }
  /// Looks whether the other side is still there. Does not wait.
  bool alive();

 private:
  using Lock = std::unique_lock<std::mutex>;

  bool send(Lock& lock, std::span<iovec> parts, const Deadline& deadline, bool& any_sent);
  bool send_parts(std::span<iovec> parts, const Deadline& deadline, bool& any_sent);
  void wait_to_send(const Deadline& deadline);
  void await(Lock& lock, Slot& slot, const Deadline& deadline);
  void read_turn(Lock& lock, const Deadline& deadline);
  void read_some(Lock& lock, const Deadline& deadline);
  void deal_all();
  void pass_baton();
  void lose(const std::string& reason) noexcept;
  void send_undos(Lock& lock);
  Outcome settle(Lock& lock, Slot& slot, std::uint32_t id);

  const std::unique_ptr<Socket> socket_;
  const std::uint64_t number_;
  std::atomic<bool> lost_{false};

  std::mutex mutex_;  // guards all below; never held over a system call that may wait
  CallTable table_;
  bool sending_ = false;              // one thread writes at a time
  std::condition_variable may_send_;  // `sending_` became false
  bool reading_ = false;              // somebody has the baton, and with it inbox_
  Inbox inbox_;
  std::string undos_;  // messages that take back what came too late
  std::string lost_reason_;
};

}  // namespace agora::client
