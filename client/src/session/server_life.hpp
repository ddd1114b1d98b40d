// ServerLife: whether the process at the other end of a Unix socket has ended, proven by the
// kernel.
#pragma once

namespace agora::detail {

class ServerLife {
 public:
  ServerLife() = default;
  /// Of the process that listens where that socket is connected to; the socket may go.
  explicit ServerLife(int socket);
  ~ServerLife();
  ServerLife(ServerLife&& other) noexcept;
  ServerLife& operator=(ServerLife&& other) noexcept;

  /// True once it has certainly ended; false for as long as nobody knows. Looks, does not wait.
  bool ended() const;

 private:
  int process_ = -1;  // a pidfd
};

}  // namespace agora::detail
