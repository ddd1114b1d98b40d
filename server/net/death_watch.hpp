// DeathWatch: knows at once when the process of an opened session on this host ends.
//
// One pidfd a session, readable when the process is gone; neither inherited sockets nor a reused
// process id can hide that. Works for processes that the kernel vouches for (SO_PEERCRED), that
// is, over the Unix socket; others are given up when their ttl passes.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "server/net/loop.hpp"
#include "shared/base/ids.hpp"

namespace agora {

class DeathWatch {
 public:
  /// `died` is called from the loop, once for each session whose process has ended.
  DeathWatch(Loop& loop, std::function<void(SessionId)> died)
      : loop_(loop), died_(std::move(died)) {}

  /// Watches the process of a session, instead of an earlier one of that session. A process that
  /// has ended already is reported like one that ends later.
  void watch(SessionId session, std::int64_t pid);
  /// Whether the end of that session's process will be known.
  bool watches(SessionId session) const { return watched_.contains(session); }
  void forget(SessionId session) { watched_.erase(session); }
  void forget_all() { watched_.clear(); }

 private:
  class Process : public Loop::Watcher {
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
