// SPDX-License-Identifier: MIT

#include "server/net/socket_file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <stdexcept>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "server/net/trusted_path.hpp"

namespace agora {
namespace {

constexpr const char* kFile = "the socket";  // that other users must not replace

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::runtime_error("cannot listen on unix socket " + path + ": " + why);
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

Descriptor new_socket(const std::string& path) {
  Descriptor made{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!made.is_open()) refuse(path, std::strerror(errno));
  return made;
}

}  // namespace

SocketFile::SocketFile(std::string path, gid_t group)
    : path_(std::move(path)), lock_path_(path_ + ".lock"), group_(group) {
  if (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)) {
    refuse(path_, "a path must have 1 to 107 bytes, this one has " + std::to_string(path_.size()));
  }
  prepare_directory();
  if (!take_lock()) refuse(path_, "a live server is there already");
  try {
    clear_dead_socket();
  } catch (...) {
    remove();
    throw;
  }
}

void SocketFile::prepare_directory() const {
  std::filesystem::path directory = std::filesystem::path{path_}.parent_path();
  if (directory.empty()) directory = ".";
  const bool made = ::mkdir(directory.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) {
    refuse(path_, "cannot make the directory " + directory.string() + ": " + std::strerror(errno));
  }
  if (made && has_group() &&
      (::chown(directory.c_str(), static_cast<uid_t>(-1), group_) != 0 ||
       ::chmod(directory.c_str(), 0710) != 0)) {
    refuse(path_, "cannot give " + directory.string() + " to the group: " + std::strerror(errno));
  }
  try {
    const std::filesystem::path real = trusted_path(directory, kFile);
    if (std::filesystem::is_directory(real)) return;
  } catch (const std::runtime_error& fault) {
    refuse(path_, fault.what());
  }
  refuse(path_, directory.string() + " is no directory");
}

/// Opens the lock file and locks it. Returns false if another server holds the lock.
bool SocketFile::take_lock() {
  for (;;) {
    Descriptor file{
        ::open(lock_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR)};
    if (!file.is_open()) refuse(path_, lock_path_ + ": " + std::strerror(errno));
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return false;
      refuse(path_, "cannot lock " + lock_path_ + ": " + std::strerror(errno));
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) refuse(path_, std::strerror(errno));
    if (!is_trusted(status)) refuse(path_, lock_path_ + owner_fault(status, kFile));
    // The server that held the lock before may have removed the file in between.
    if (!is_at(lock_path_, identity_of(status))) continue;
    lock_ = std::move(file);
    lock_file_ = identity_of(status);
    return true;
  }
}

/// Removes the socket file of a server that has ended. Refuses any other file.
void SocketFile::clear_dead_socket() const {
  struct stat status {};
  if (::lstat(path_.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) refuse(path_, "a file that is no socket is there");
  // A server without this lock may live there: of an earlier version, or its lock was removed.
  const Descriptor probe = new_socket(path_);
  const sockaddr_un address = address_of(path_);
  // EAGAIN: a live server whose backlog is full.
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN) {
    refuse(path_, "a live server is there already");
  }
  if (errno != ECONNREFUSED) refuse(path_, std::strerror(errno));
  ::unlink(path_.c_str());
}

Descriptor SocketFile::listen() {
  Descriptor made = new_socket(path_);
  const sockaddr_un address = address_of(path_);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound != 0) refuse(path_, std::strerror(errno));
  if (has_group() && (::chown(path_.c_str(), static_cast<uid_t>(-1), group_) != 0 ||
                      ::chmod(path_.c_str(), 0660) != 0)) {
    const int problem = errno;
    ::unlink(path_.c_str());
    refuse(path_, std::string{"cannot give it to the group: "} + std::strerror(problem));
  }
  struct stat status {};
  bound_ = ::lstat(path_.c_str(), &status) == 0;
  socket_file_ = identity_of(status);
  if (!bound_ || ::listen(made.get(), 511) != 0) refuse(path_, std::strerror(errno));
  return made;
}

bool SocketFile::is_at(const std::string& path, Identity wanted) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 && identity_of(status) == wanted;
}

SocketFile::State SocketFile::check() {
  struct stat status {};
  if (::lstat(lock_path_.c_str(), &status) == 0) {
    if (identity_of(status) != lock_file_) return State::lost;
  } else {
    if (errno != ENOENT) return State::blocked;
    try {
      if (!take_lock()) return State::lost;
    } catch (const std::runtime_error&) {
      return State::blocked;
    }
  }
  if (::lstat(path_.c_str(), &status) != 0) return errno == ENOENT ? State::absent : State::blocked;
  return identity_of(status) == socket_file_ ? State::bound : State::blocked;
}

void SocketFile::remove() {
  if (std::exchange(bound_, false) && is_at(path_, socket_file_)) ::unlink(path_.c_str());
  // The lock file goes while the lock is held: a server that has opened it meanwhile sees that it
  // is gone, and opens it again.
  if (lock_.is_open() && is_at(lock_path_, lock_file_)) ::unlink(lock_path_.c_str());
  lock_.close();
}

}  // namespace agora
