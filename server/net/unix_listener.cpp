#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <asio/local/stream_protocol.hpp>

#include "server/net/acceptor.hpp"
#include "server/net/listener.hpp"

namespace agora {
namespace {

using asio::local::stream_protocol;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::runtime_error("cannot listen on unix socket " + path + ": " + why);
}

/// The directory must be one in which nobody else can put a socket in our place.
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

/// Clears away the file of a server that is gone; leaves everything else alone.
void clear_dead_socket(asio::io_context& io, const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) refuse(path, "a file that is no socket is there");
  stream_protocol::socket probe{io};
  asio::error_code error;
  probe.connect(stream_protocol::endpoint{path}, error);
  if (!error) refuse(path, "a live server is there already");
  if (error != asio::error::connection_refused) refuse(path, error.message());
  ::unlink(path.c_str());
}

std::string this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

class UnixListener : public Listener {
 public:
  UnixListener(Hub& hub, stream_protocol::acceptor acceptor, std::string path, Complain complain)
      : path_(std::move(path)),
        host_(this_host()),
        complain_(complain),
        loop_(
            hub, std::move(acceptor),
            [this](stream_protocol::socket& socket) { return introduce(socket); }, complain) {}
  ~UnixListener() override { remove_file(); }
  void start() override { loop_.accept(); }
  void stop() override {
    loop_.stop();
    remove_file();
  }
  std::string address() const override { return path_; }

 private:
  std::optional<Peer> introduce(stream_protocol::socket& socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    const int fd = socket.native_handle();
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;
    if (credentials.uid != ::geteuid() && credentials.uid != 0) {
      static constexpr std::string_view kForeign =
          "Forbidden: this socket serves the server's own user only\n";
      asio::error_code ignored;
      socket.write_some(asio::buffer(kForeign), ignored);
      complain_("refused user " + std::to_string(credentials.uid) + " on " + path_);
      return std::nullopt;
    }
    Peer peer;
    peer.host = host_;
    peer.pid = credentials.pid;
    peer.pid_proven = credentials.pid > 0;
    // Whose death cannot be seen must not hold locks that only death takes away.
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
  Complain complain_;
  bool removed_ = false;
  Acceptor<stream_protocol> loop_;
};

}  // namespace

std::unique_ptr<Listener> listen_unix(Hub& hub, const std::string& path, Complain complain) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    refuse(path, "a path must have 1 to 107 bytes, this one has " + std::to_string(path.size()));
  }
  prepare_directory(path);
  clear_dead_socket(hub.io(), path);
  stream_protocol::acceptor acceptor{hub.io()};
  asio::error_code error;
  acceptor.open(stream_protocol{});
  const mode_t before = ::umask(0177);  // never a moment in which others could connect
  acceptor.bind(stream_protocol::endpoint{path}, error);
  ::umask(before);
  if (!error) acceptor.listen(511, error);
  if (error) refuse(path, error.message());
  return std::make_unique<UnixListener>(hub, std::move(acceptor), path, std::move(complain));
}

}  // namespace agora
