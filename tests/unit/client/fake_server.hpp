// SPDX-License-Identifier: MIT

// FakeServer: a scripted MessagePack-RPC server with one thread and no objects. It opens and
// resumes one session by itself; the test's script makes all other replies.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "shared/base/limits.hpp"
#include "shared/value/any.hpp"
#include "shared/value/codec.hpp"
#include "shared/wire/framing.hpp"
#include "shared/wire/msgpack_rpc.hpp"

namespace agora::test {

/// One call as received.
struct Received {
  bool notification = false;
  std::uint32_t id = 0;
  std::string method;
  std::string params;  ///< a packed list
  int connection = 0;  ///< counted from 1
};

/// The reaction of the server to a call: it sends these bytes, then closes the connection if
/// `close`.
struct FakeReply {
  std::string bytes;
  bool close = false;
};

inline std::string packed_id(std::uint32_t id) { return Packed(pack(id)).bytes(); }

template <typename T>
std::string reply_bytes(std::uint32_t id, const T& result) {
  std::string out;
  encode_msgpack_reply(pack(id), pack(result), out);
  return out;
}

inline std::string error_bytes(std::uint32_t id, const Error& error) {
  std::string out;
  encode_msgpack_error(pack(id), error, out);
  return out;
}

class FakeServer {
 public:
  using Script = std::function<FakeReply(const Received&)>;

  explicit FakeServer(Script script) : script_(std::move(script)) {
    char folder[] = "/tmp/agora-fake-XXXXXX";
    if (mkdtemp(folder) == nullptr) std::abort();
    folder_ = folder;
    path_ = folder_ + "/s";
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    path_.copy(where.sun_path, sizeof where.sun_path - 1);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) std::abort();
    if (listen(listener_, 100) != 0 || ::pipe(stop_) != 0) std::abort();
    thread_ = std::thread([this] { serve(); });
  }

  ~FakeServer() {
    close(stop_[1]);
    thread_.join();
    for (const auto& [fd, peer] : peers_) close(fd);
    close(listener_);
    close(stop_[0]);
    unlink(path_.c_str());
    rmdir(folder_.c_str());
  }

  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string address() const { return "unix:" + path_; }
  /// Sets the ttl of sessions that are opened from now on.
  void set_ttl(double seconds) { ttl_ = seconds; }
  /// Closes the present connections.
  void cut() {
    cut_ = true;
    static_cast<void>(!write(stop_[1], "c", 1));
  }
  /// Makes session.resume fail with that error from now on.
  void refuse_resume(Errc code) { refused_ = static_cast<int>(code); }
  /// Stops all replies.
  void mute() { mute_ = true; }
  /// Sets the script for session.cancel, which gets the id of the cancelled call. The default sends
  /// nothing.
  void on_cancel(Script script) { on_cancel_ = std::move(script); }
  int connections() const { return connections_.load(); }

  std::vector<Received> received() {
    const std::lock_guard guard(mutex_);
    return received_;
  }
  /// Waits until that method has been called `times` times.
  void wait_received(std::string_view method, std::size_t times) {
    for (;;) {
      std::size_t seen = 0;
      for (const Received& each : received()) seen += each.method == method ? 1 : 0;
      if (seen >= times) return;
      std::this_thread::yield();
    }
  }

 private:
  struct Peer {
    int number = 0;
    std::string input;
    MsgpackFramer framer{FrameBounds(Limits{})};
  };

  void serve() {
    for (;;) {
      std::vector<pollfd> wanted{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
      for (const auto& [fd, peer] : peers_) wanted.push_back({fd, POLLIN, 0});
      if (poll(wanted.data(), wanted.size(), -1) < 0) continue;
      if (wanted[0].revents != 0) {
        char byte = 0;
        if (!cut_.exchange(false) || read(stop_[0], &byte, 1) != 1) return;
        for (const auto& [fd, peer] : peers_) close(fd);
        peers_.clear();
        continue;
      }
      if (wanted[1].revents != 0) {
        const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd >= 0) peers_[fd].number = ++connections_;
      }
      for (std::size_t i = 2; i < wanted.size(); ++i) {
        if (wanted[i].revents != 0 && !take(wanted[i].fd)) {
          close(wanted[i].fd);
          peers_.erase(wanted[i].fd);
        }
      }
    }
  }

  bool take(int fd) {
    Peer& peer = peers_.at(fd);
    char bytes[65536];
    const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    peer.input.append(bytes, static_cast<std::size_t>(got));
    while (!peer.input.empty() && peer.framer.scan(peer.input) == FrameStatus::frame) {
      std::string scratch;
      const std::string frame = peer.input.substr(0, peer.framer.frame_bytes());
      peer.input.erase(0, peer.framer.frame_bytes());
      if (!handle(fd, peer, decode_msgpack_call(frame, Limits{}, scratch))) return false;
    }
    return true;
  }

  bool handle(int fd, const Peer& peer, const Message& message) {
    const Request& request = message.request;
    Received call;
    call.notification = request.is_notification();
    call.id = call.notification ? 0 : *unpack<std::uint32_t>(request.id);
    call.method = request.method;
    call.params = request.params.bytes();
    call.connection = peer.number;
    // This server has no rings; no test depends on this call.
    if (call.method == "session.ring") return send_whole(fd, reply_bytes(call.id, nullptr));
    {
      const std::lock_guard guard(mutex_);
      received_.push_back(call);
    }
    if (mute_) return true;
    const std::optional<FakeReply> own = handshake(call);
    const FakeReply reply = own ? *own : script_(call);
    if (!call.notification) last_seen_ = std::max(last_seen_, call.id);
    return send_whole(fd, reply.bytes) && !reply.close;
  }

  static bool send_whole(int fd, std::string_view rest) {
    while (!rest.empty()) {
      const ssize_t sent = send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // Replies to heartbeats too, so that tests of idle sessions need no script for them.
  std::optional<FakeReply> handshake(const Received& call) const {
    if (call.method == "session.open") {
      const std::map<std::string, any> opened{
          {"session", "s"}, {"token", "t"}, {"ttl", ttl_.load()}};
      return FakeReply{reply_bytes(call.id, opened), false};
    }
    if (call.method == "session.ping") return FakeReply{reply_bytes(call.id, nullptr), false};
    if (call.method == "session.cancel" && on_cancel_) {
      Received cancelled = call;
      cancelled.id = unpack<std::vector<std::uint32_t>>(PackedView(call.params))->at(0);
      return on_cancel_(cancelled);
    }
    if (call.notification && call.method.starts_with("session.")) return FakeReply{};
    if (call.method != "session.resume") return std::nullopt;
    if (const int code = refused_.load(); code != 0) {
      const Error error{static_cast<Errc>(code), "refused", Done::unknown, {}};
      return FakeReply{error_bytes(call.id, error), false};
    }
    const std::map<std::string, any> resumed{{"epoch", 2}, {"last_seen", last_seen_}};
    return FakeReply{reply_bytes(call.id, resumed), false};
  }

  Script script_;
  Script on_cancel_;
  std::string folder_;
  std::string path_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::map<int, Peer> peers_;
  std::atomic<int> connections_{0};
  std::atomic<double> ttl_{10};
  std::atomic<int> refused_{0};
  std::atomic<bool> cut_{false};
  std::atomic<bool> mute_{false};
  std::uint32_t last_seen_ = 0;
  std::mutex mutex_;
  std::vector<Received> received_;
  std::thread thread_;
};

}  // namespace agora::test
