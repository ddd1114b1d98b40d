// SPDX-License-Identifier: MIT

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/net/acceptor.hpp"
#include "server/net/listener.hpp"

namespace agora {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::runtime_error("cannot listen on unix socket " + path + ": " + why);
}

/// Creates the directory if it is missing. Refuses one that all users may write to without a sticky
/// bit: any of them could replace the socket.
void prepare_directory(const std::string& path) {
  std::filesystem::path directory = std::filesystem::path{path}.parent_path();
  if (directory.empty()) directory = ".";
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) {
    struct stat status {};
    if (::stat(directory.c_str(), &status) != 0) refuse(path, std::strerror(errno));
    if (!S_ISDIR(status.st_mode)) refuse(path, directory.string() + " is no directory");
    const bool open_to_all = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (open_to_all) refuse(path, "its directory is writable by everybody; chmod 700 it");
    return;
  }
  refuse(path, "cannot make the directory " + directory.string() + ": " + std::strerror(errno));
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

/// Removes the socket file of a server that has ended. Refuses any other file.
void clear_dead_socket(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) refuse(path, "a file that is no socket is there");
  const Descriptor probe = new_socket(path);
  const sockaddr_un address = address_of(path);
  // EAGAIN: a live server whose backlog is full.
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN) {
    refuse(path, "a live server is there already");
  }
  if (errno != ECONNREFUSED) refuse(path, std::strerror(errno));
  ::unlink(path.c_str());
}

/// Returns a socket that was bound under a umask, so that only this user can ever connect.
Descriptor listening_socket(const std::string& path) {
  Descriptor made = new_socket(path);
  const sockaddr_un address = address_of(path);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound != 0 || ::listen(made.get(), 511) != 0) refuse(path, std::strerror(errno));
  return made;
}

std::string this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

class UnixListener : public Listener {
 public:
  UnixListener(Hub& hub, ListeningSocket listening, std::string path, LogFn log)
      : path_(std::move(path)),
        host_(this_host()),
        log_(log),
        acceptor_(
            hub, std::move(listening), [this](int fd) { return identify(fd); }, log) {}
  ~UnixListener() override { remove_file(); }
  void start() override { acceptor_.start(); }
  void stop() override {
    acceptor_.stop();
    remove_file();
  }
  std::string address() const override { return path_; }

 private:
  std::optional<Peer> identify(int fd) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;
    if (credentials.uid != ::geteuid() && credentials.uid != 0) {
      static constexpr std::string_view kForeign =
          "Forbidden: this socket serves the server's own user only\n";
      static_cast<void>(::send(fd, kForeign.data(), kForeign.size(), MSG_NOSIGNAL));
      log_("refused user " + std::to_string(credentials.uid) + " on " + path_);
      return std::nullopt;
    }
    Peer peer;
    peer.host = host_;
    peer.pid = credentials.pid;
    peer.pid_proven = credentials.pid > 0;
    // A process that maps memory may hold locks that only its exit releases, so the server has to
    // be able to watch the exit.
    peer.may_map = peer.pid_proven && credentials.uid == ::geteuid();
    peer.transport = "unix";
    peer.role = Role::admin;
    return peer;
  }
  void remove_file() {
    if (!path_.empty() && !removed_) ::unlink(path_.c_str());
    removed_ = true;
  }

  std::string path_;
  std::string host_;
  LogFn log_;
  bool removed_ = false;
  Acceptor acceptor_;
};

}  // namespace

std::unique_ptr<Listener> listen_unix(Hub& hub, const std::string& path, LogFn log) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    refuse(path, "a path must have 1 to 107 bytes, this one has " + std::to_string(path.size()));
  }
  prepare_directory(path);
  clear_dead_socket(path);
  ListeningSocket listening{hub.io(), asio::generic::stream_protocol{AF_UNIX, 0},
                            listening_socket(path).release()};
  return std::make_unique<UnixListener>(hub, std::move(listening), path, std::move(log));
}

}  // namespace agora
