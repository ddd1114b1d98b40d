// SPDX-License-Identifier: MIT

// Logins: takes the calls by which clients log in to the login port, before they are journaled, and
// applies the verdicts.
//
// The machine gets the verdict as input, with the call, so it needs no keys and no random numbers.
// The rights of the connection change at once, so a client may send its next calls behind its login
// without waiting. A verdict with a delay is kept here until its time has come: only its own reply
// is late.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "server/engine/ports.hpp"

namespace agora {

class Logins {
 public:
  Logins(Clock& clock, Outbox& outbox) : clock_(clock), outbox_(outbox) {}

  /// Sets the port, which must outlive this. Without one the machine refuses all logins.
  void use(LoginPort& port) { port_ = &port; }

  /// Returns the access of a new connection.
  ClientAccess begin(const Peer& peer);
  /// Takes the call that is the last command of the batch.
  void take(Batch& batch, ClientAccess* access);

  /// Reports the delayed calls as parked to the outbox, each once.
  void announce();
  /// Appends the calls whose delay is over.
  void release(Instant now, Batch& batch);
  /// Returns the time at which release() has work, or nullopt if there is none.
  std::optional<Instant> next_deadline() const;
  /// Drops the delayed calls of a connection that ends.
  void forget(const ClientAccess& access);

 private:
  struct Delayed {
    Command command;
    LoginResult result;
    bool close;
    ClientAccess* access;
    bool announced = false;
  };
  void apply(Batch& batch, const Command& command, LoginResult result, bool close,
             ClientAccess& access);

  Clock& clock_;
  Outbox& outbox_;
  LoginPort* port_ = nullptr;
  std::multimap<Instant, Delayed> delayed_;
  bool unannounced_ = false;
};

}  // namespace agora
