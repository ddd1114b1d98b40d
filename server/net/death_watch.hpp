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

#include "server/net/loop.hpp"
#include "shared/base/ids.hpp"

namespace agora {

class DeathWatch {
 public:
  /// @param died  called from the loop, once for each session whose process has ended
  DeathWatch(Loop& loop, std::function<void(SessionId)> died)
      : loop_(loop), died_(std::move(died)) {}

  /// Watches the process of a session, in place of the process watched for it before. If the
  /// process has ended already, that is reported from the loop too.
  void watch(SessionId session, std::int64_t pid);
  /// Returns whether the process of that session is being watched.
  bool watches(SessionId session) const { return watched_.contains(session); }
  void forget(SessionId session) { watched_.erase(session); }
  void forget_all() { watched_.clear(); }

 private:
  class Process final : public Loop::Watcher {
   public:
    Process(DeathWatch& watch, SessionId session, Descriptor pidfd);
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    void on_ready(std::uint32_t) override { watch_.report(session_); }

   private:
    DeathWatch& watch_;
    SessionId session_;
    Descriptor pidfd_;
  };
  void report(SessionId session);

  Loop& loop_;
  std::function<void(SessionId)> died_;
  std::unordered_map<SessionId, std::unique_ptr<Process>> watched_;
};

}  // namespace agora
