// Registry of the clients and holds that a forked child takes over from its parent; agora::process
// makes them ready in the child before user code runs there.
#pragma once

namespace agora::detail {

class Client;

/// What has holds of anonymous objects, in the session of its process.
class Holder {
 public:
  virtual ~Holder() = default;
  /// In a child: takes the holds anew in the child's own session. Silent: see adopt_inherited.
  virtual void hold_quietly() noexcept = 0;
};

/// Clients, and who has holds: what agora::process makes ready in its child.
void register_client(Client& client);
void unregister_client(Client& client);
void register_holder(Holder& holder);
void unregister_holder(Holder& holder);

/// In a freshly forked child, before other threads exist: opens a session for every client and
/// holds every inherited anonymous object. What fails now fails again, with an exception, when it
/// is used.
void adopt_inherited();

}  // namespace agora::detail
