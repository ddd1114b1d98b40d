// SPDX-License-Identifier: MIT

// DeathWatch: reports at once when the process of an opened session on this host ends.
//
// It holds one pidfd for each session, which becomes readable when the process ends. Once it is
// open, neither inherited sockets nor a reused process id can hide that end. The process id must
// come from the kernel (SO_PEERCRED), so this works over the Unix socket only; other sessions end
// when their ttl expires.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "server/net/descriptor.hpp"
#include "server/net/io_objects.hpp"
#include "shared/base/ids.hpp"

namespace agora {

class DeathWatch {
 public:
  /// @param died  called from the loop, once for each session whose process has ended
  DeathWatch(asio::io_context& io, std::function<void(SessionId)> died)
      : io_(io), died_(std::move(died)) {}

  /// Watches the process of a session, in place of the process watched for it before. If the
  /// process has ended already, that is reported from the loop too.
  void watch(SessionId session, std::int64_t pid);
  /// Returns whether the process of that session is being watched.
  bool watches(SessionId session) const { return watched_.contains(session); }
  void forget(SessionId session) { watched_.erase(session); }
  void forget_all() { watched_.clear(); }

 private:
  /// A watched process, as its pidfd. The wait for it holds a weak pointer, which tells whether the
  /// session's process is still the same one.
  using Process = std::shared_ptr<PolledDescriptor>;
  void report_end(SessionId session, const Process& process);

  asio::io_context& io_;
  std::function<void(SessionId)> died_;
  std::unordered_map<SessionId, Process> watched_;
};

}  // namespace agora
