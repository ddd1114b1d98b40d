// SPDX-License-Identifier: MIT

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <grp.h>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "server/net/acceptor.hpp"
#include "server/net/listener.hpp"
#include "server/net/socket_file.hpp"

namespace agora {
namespace {

/// How often the server looks whether its socket file is still there. A removed one is made again
/// within a second.
constexpr std::chrono::milliseconds kCheckPause{500};

constexpr RepeatedEvent kRefused{"refused", "connections of other users"};

std::string this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

constexpr gid_t kNoGroup = static_cast<gid_t>(-1);

gid_t group_named(const std::string& name) {
  if (name.empty()) return kNoGroup;
  const group* const found = ::getgrnam(name.c_str());
  if (found == nullptr) throw OptionError("--unix-group " + name + ": there is no such group");
  return found->gr_gid;
}

/// Returns true if the process at the other end is a member of the group.
bool is_member(int fd, const ucred& process, gid_t group) {
  if (group == kNoGroup) return false;
  if (process.gid == group) return true;
  socklen_t bytes = 0;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) != 0 && errno != ERANGE) {
    return false;
  }
  std::vector<gid_t> groups(bytes / sizeof(gid_t));
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) return false;
  return std::find(groups.begin(), groups.end(), group) != groups.end();
}

class UnixListener : public Listener {
 public:
  UnixListener(Hub& hub, const std::string& path, gid_t group)
      : hub_(hub), group_(group), file_(path, group), host_(this_host()), check_(hub.io(), [this] {
          check();
        }) {
    listen();
  }
  void start() override {
    acceptor_->start();
    check_.set(std::chrono::steady_clock::now() + kCheckPause);
  }
  void stop() override {
    check_.cancel();
    acceptor_->stop();
    file_.remove();
  }
  std::string address() const override { return file_.path(); }

 private:
  void listen() {
    Descriptor made = file_.listen();
    ListeningSocket listening{hub_.io()};
    listening.assign({AF_UNIX, 0}, made.get());
    made.release();
    acceptor_ = std::make_unique<Acceptor>(
        hub_, std::move(listening), [this](int fd) { return identify(fd); }, Acceptor::kKept);
  }
  /// Makes the socket again if it was removed.
  void check() {
    check_.set(std::chrono::steady_clock::now() + kCheckPause);  // first: what follows may throw
    const SocketFile::State before = std::exchange(state_, file_.check());
    if (state_ == SocketFile::State::absent) {
      make_again();
    } else if (state_ != before && state_ != SocketFile::State::bound) {
      hub_.events().line("the Unix socket " + file_.path() + " is no longer at its path; " +
                         (state_ == SocketFile::State::lost
                              ? "another server has it now"
                              : "it is made again once that path is free"));
    }
    if (state_ == SocketFile::State::lost) check_.cancel();
  }
  void make_again() {
    acceptor_->accept_all();  // clients that connected before the file was removed
    acceptor_->stop();
    try {
      listen();
      acceptor_->start();
      hub_.events().line("the Unix socket " + file_.path() + " was removed; it is made again");
    } catch (const std::exception& error) {
      hub_.events().line(error.what());  // and tried again
    }
  }
  std::optional<Peer> identify(int fd) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;
    const bool own = credentials.uid == ::geteuid() || credentials.uid == 0;
    if (!own && !is_member(fd, credentials, group_)) {
      static constexpr std::string_view kForeign =
          "Forbidden: this socket serves the server's own user, and the group of --unix-group\n";
      static_cast<void>(::send(fd, kForeign.data(), kForeign.size(), MSG_NOSIGNAL));
      hub_.events().repeated(
          kRefused, "refused user " + std::to_string(credentials.uid) + " on " + file_.path());
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
    peer.role = own ? Role::admin : Role::write;
    peer.identity = std::make_shared<const Identity>(Identity{
        Identity::Kind::local_user, std::to_string(credentials.uid), peer.role, false, {}});
    return peer;
  }

  Hub& hub_;
  gid_t group_;
  SocketFile file_;
  std::string host_;
  SocketFile::State state_ = SocketFile::State::bound;
  DeadlineTimer check_;
  std::unique_ptr<Acceptor> acceptor_;
};

}  // namespace

std::unique_ptr<Listener> listen_unix(Hub& hub, const std::string& path, const std::string& group) {
  return std::make_unique<UnixListener>(hub, path, group_named(group));
}

}  // namespace agora
