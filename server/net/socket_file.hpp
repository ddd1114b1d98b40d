// SPDX-License-Identifier: MIT

// SocketFile: the path of a Unix socket, and the lock that makes it this server's own.
//
// The server holds a flock on PATH.lock for its life, so a second server on that path is refused
// without a race. A socket file that was removed (by a cleaner of temporary files, say) is made
// again. A lock file that was removed and made anew by another server is that server's: this one
// then leaves the path alone. It only ever removes the socket that it has bound itself.
#pragma once

#include <string>
#include <sys/stat.h>

#include "server/net/descriptor.hpp"

namespace agora {

class SocketFile {
 public:
  /// Makes the directory (0700) if it is missing, takes the lock, and removes the socket of a
  /// server that has ended.
  /// @throws std::runtime_error  with one line: a live server is there, another user could replace
  ///   the socket, no such directory ...
  /// @param group  the number of the group whose members may connect: the modes are then 0660, and
  ///   0710 of a directory that is made; -1: none
  explicit SocketFile(std::string path, gid_t group = static_cast<gid_t>(-1));
  ~SocketFile() { remove(); }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;

  const std::string& path() const { return path_; }

  /// Binds a socket that only this user, and the group, can ever connect to, and listens on it.
  /// @throws std::runtime_error  with one line.
  Descriptor listen();

  enum class State {
    bound,    ///< the socket of the last listen() is at the path
    absent,   ///< the path is free and this server's: listen() makes the socket again
    blocked,  ///< the directory is missing, or a file that is not ours is at the path
    lost,     ///< another server has the lock now
  };
  /// Looks whether the socket file and the lock are still there; makes the lock again if it was
  /// removed. Cost: two system calls.
  State check();

  /// Removes the socket file and the lock file, as far as they are this server's.
  void remove();

 private:
  /// The identity of a file.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
  };
  static Identity identity_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }
  static bool is_at(const std::string& path, Identity wanted);

  void prepare_directory() const;
  bool has_group() const { return group_ != static_cast<gid_t>(-1); }
  bool take_lock();
  void clear_dead_socket() const;

  const std::string path_;
  const std::string lock_path_;
  const gid_t group_;
  Descriptor lock_;
  Identity lock_file_;
  Identity socket_file_;
  bool bound_ = false;
};

}  // namespace agora
