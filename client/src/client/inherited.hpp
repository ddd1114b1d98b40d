// SPDX-License-Identifier: MIT

// Registry of the clients and holders that a forked child inherits. agora::process makes them
// usable in the child before user code runs there.
#pragma once

namespace agora::detail {

class Client;

/// An owner of holds of anonymous objects, in the session of its process.
class HoldOwner {
 public:
  virtual ~HoldOwner() = default;
  /// Acquires the holds anew in a child's own session. Reports no failure: see adopt_inherited.
  virtual void hold_quietly() noexcept = 0;
};

/// Registers the clients and holders of this process.
void register_client(Client& client);
void unregister_client(Client& client);
void register_holder(HoldOwner& holder);
void unregister_holder(HoldOwner& holder);

/// Opens a session for every client and holds every inherited anonymous object. Call it in a
/// freshly forked child, before other threads exist. Ignores failures: the first use of the object
/// then throws.
void adopt_inherited();

}  // namespace agora::detail
