// SPDX-License-Identifier: MIT

// PeerProcess: tells by a pidfd whether the process at the other end of a Unix socket has exited.
#pragma once

namespace agora::detail {

class PeerProcess {
 public:
  PeerProcess() = default;
  /// Opens the pidfd of the process that listens at the other end. The socket may be closed later.
  explicit PeerProcess(int socket);
  ~PeerProcess();
  PeerProcess(PeerProcess&& other) noexcept;
  PeerProcess& operator=(PeerProcess&& other) noexcept;

  /// Returns true once the process has certainly exited; false while that is unknown. Never waits.
  bool exited() const;

 private:
  int process_ = -1;  // a pidfd
};

}  // namespace agora::detail
