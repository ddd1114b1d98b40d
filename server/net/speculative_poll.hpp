// SPDX-License-Identifier: MIT

// SpeculativePoll: asks once, for all connections that this turn has answered, whether the next
// message is there already. Under load it usually is: then the connection is read at once, and
// needs no wait in Asio, which would cost an epoll_ctl and a handler. One poll() of zero length
// asks for all of them. The measurements are in docs/decisions/0017.
//
// The order of events stays: a client that connects and then speaks over another connection is seen
// in that order. The acceptors stand behind the connections in the poll, so a client that has
// connected before any of these messages was sent shows there. Then nothing is read ahead of Asio.
#pragma once

#include <cstdint>
#include <poll.h>
#include <vector>

namespace agora {

class Connection;

class SpeculativePoll {
 public:
  /// Adds a listening socket, until forget().
  void watch_acceptor(int descriptor) { acceptors_.push_back(descriptor); }
  void forget_acceptor(int descriptor) { std::erase(acceptors_, descriptor); }

  /// Adds a connection that takes input and does not wait for it. It must stay until run().
  void add(Connection& connection) { asked_.push_back(&connection); }

  /// Reads the connections whose next message has arrived. The others wait in Asio.
  void run();

  /// Forgets the connections, which are about to be closed.
  void clear() { asked_.clear(); }

 private:
  bool promising();
  bool ask();
  void count(std::size_t found);

  std::vector<int> acceptors_;
  std::vector<Connection*> asked_;
  std::vector<Connection*> running_;
  std::vector<pollfd> descriptors_;
  double share_ = 1;            // moving average of the connections that had a message
  std::uint32_t left_out_ = 0;  // turns without a poll, since the last ones found too little
};

}  // namespace agora
