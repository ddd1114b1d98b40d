// SPDX-License-Identifier: MIT

// DeathWatch: reports at once when the process of an opened session on this host ends.
//
// It holds one pidfd for each process that has opened sessions, however many these are. A pidfd
// becomes readable when the process ends. Once it is open, neither inherited sockets nor a reused
// process id can hide that end. The kernel names the process that connected the socket
// (SO_PEERPIDFD, Linux 6.5; its process id on older kernels), so this works over the Unix socket
// only; other sessions end when their ttl expires.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
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

  /// Watches the process that has connected `socket`, in place of the process watched for the
  /// session before. If the process has ended already, that is reported from the loop too.
  /// @param pid  the process's id, as the kernel gives it for that socket
  void watch(SessionId session, int socket, std::int64_t pid);
  /// Returns whether the process of that session is being watched.
  bool watches(SessionId session) const { return watched_.contains(session); }
  void forget(SessionId session);
  void forget_all();
  /// Returns how many descriptors it holds.
  std::size_t descriptors() const { return open_; }

 private:
  /// A watched process. The wait for its end holds a weak pointer, which tells whether any session
  /// is still interested.
  struct Process {
    Process(DeathWatch& watch, Descriptor opened, std::int64_t its_pid);
    ~Process() { --owner.open_; }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    DeathWatch& owner;
    PolledDescriptor pidfd;
    std::int64_t pid;
    std::set<SessionId> sessions;
  };
  using ProcessPointer = std::shared_ptr<Process>;

  ProcessPointer process_of(Descriptor pidfd, std::int64_t pid);
  void report_end(const ProcessPointer& process);
  void ended(const ProcessPointer& process);
  void forget_pid(const Process& process);

  asio::io_context& io_;
  std::function<void(SessionId)> died_;
  std::size_t open_ = 0;
  std::unordered_map<SessionId, ProcessPointer> watched_;
  std::unordered_map<std::int64_t, std::weak_ptr<Process>> by_pid_;  // processes that live
};

}  // namespace agora
