// SPDX-License-Identifier: MIT

// The engine's ports: clock, journal, outbox and logins. Tests replace them with their own.
#pragma once

#include <memory>

#include "server/core/methods/command.hpp"
#include "server/core/state/effect.hpp"
#include "server/engine/client_access.hpp"
#include "shared/base/time.hpp"

namespace agora {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Returns the present time. It is monotonic.
  virtual Instant now() = 0;
  /// Returns how far the wall clock is ahead of now(). It changes when the wall clock is set.
  virtual Duration wall_ahead() { return {}; }
};

/// An ordered log of batches. The engine applies committed batches only, in the order of the log,
/// so no client can see an uncommitted change.
class Journal {
 public:
  virtual ~Journal() = default;
  /// Appends a batch to the log.
  virtual void append(std::unique_ptr<Batch> batch) = 0;
  /// Returns the next batch that is as durable as the journal's policy demands, or null if there is
  /// none yet.
  virtual std::unique_ptr<Batch> committed() = 0;
};

/// The receiver of effects: the hub, or a test.
class Outbox {
 public:
  virtual ~Outbox() = default;
  /// Takes one effect, whose bytes are in `effects`. Both are valid during this call only; a
  /// BlobRef may be kept longer.
  virtual void deliver(const Effect& effect, const Effects& effects) = 0;
  /// Notes that all calls of the link that were deferred have run: it may be read again.
  virtual void caught_up(LinkId /*link*/) {}
  /// Returns false while the client has not read the replies of earlier calls. Then no deferred
  /// call of the link runs until Engine::resume_deferred().
  virtual bool has_room(LinkId /*link*/) { return true; }
  /// Returns true while the system refuses memory.
  virtual bool memory_short() { return false; }
  /// Notes that the client of this connection has logged in: its ClientAccess has changed.
  virtual void logged_in(LinkId) {}
};

/// The verdict on one call by which a client logs in.
struct LoginVerdict {
  LoginResult result{};
  bool close = false;  ///< the connection is closed behind the reply
  Duration delay{};    ///< until the reply; nothing else waits for it
};

/// Verifies logins; see server/auth/authenticator.hpp.
class LoginPort {
 public:
  virtual ~LoginPort() = default;
  /// Returns the state that a new connection begins with.
  virtual std::unique_ptr<LoginState> begin(const Peer& peer) = 0;
  /// Verifies a call, whose arguments are in the batch. It changes `access.login` only.
  /// @param now, wall  the time, monotonic and by the wall clock
  virtual LoginVerdict verify(const Batch& batch, const Command& command,
                              const ClientAccess& access, Instant now, Instant wall) = 0;
};

}  // namespace agora
