// SPDX-License-Identifier: MIT

#include "client/load/generator.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agora::load {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kSilenceMaxMs = 30'000;

/// A line and its progress.
struct Runner {
  Line line;
  std::size_t next = 0;    ///< the batch to send
  bool sending = false;    ///< that batch is sent in part
  std::size_t sent = 0;    ///< bytes of it that are sent
  std::size_t oldest = 0;  ///< the batch whose reply comes next
  std::size_t got = 0;     ///< bytes of that reply
  std::size_t open = 0;    ///< number of batches begun whose replies are incomplete
  std::uint64_t calls = 0;
  bool stuck = false;                    ///< the socket takes no more for now
  std::vector<Clock::time_point> since;  ///< start of each open batch, a ring buffer
  std::string sealed;                    ///< over TLS: the batch that is being sent, as records

  const RequestBatch& batch(std::size_t number) const {
    return line.traffic->batches[number % line.traffic->batches.size()];
  }
};

class Driver {
 public:
  Driver(std::span<const Line> lines, const Until& until, Histogram* latencies)
      : until_(until), latencies_(latencies), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) throw std::runtime_error("no epoll descriptor");
    for (const Line& line : lines) {
      Runner& runner = runners_.emplace_back();
      runner.line = line;
      runner.next = runner.oldest = line.first;
      runner.since.resize(line.under_way);
    }
  }
  ~Driver() { ::close(epoll_); }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  Driven run() {
    begin_ = stopped_ = Clock::now();
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, runners_[i].line.fd, &event);
      send_more(i);
    }
    while (open_ > 0) turn();
    Driven driven;
    driven.seconds = std::chrono::duration<double>(stopped_ - begin_).count();
    for (const Runner& runner : runners_) {
      driven.calls += runner.calls;
      driven.calls_of.push_back(runner.calls);
    }
    return driven;
  }

 private:
  void turn() {
    std::array<epoll_event, 64> events;
    const int ready = ::epoll_wait(epoll_, events.data(), events.size(), kSilenceMaxMs);
    if (ready < 0 && errno == EINTR) return;
    if (ready <= 0) throw std::runtime_error("the server stopped answering");
    now_ = Clock::now();
    if (!over_ && until_.calls == 0 && replies_ >= until_.calls_min &&
        now_ - begin_ >= std::chrono::duration<double>(until_.seconds)) {
      over_ = true;
      stopped_ = now_;
    }
    for (int e = 0; e < ready; ++e) {
      const epoll_event& event = events[static_cast<std::size_t>(e)];
      if ((event.events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(event.data.u64);
      if ((event.events & EPOLLOUT) != 0) send_more(event.data.u64);
    }
  }

  void receive(std::size_t i) {
    Runner& runner = runners_[i];
    const ssize_t bytes = ::recv(runner.line.fd, space_.data(), space_.size(), MSG_DONTWAIT);
    if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (bytes <= 0) throw std::runtime_error("the server closed a connection");
    const auto received = static_cast<std::size_t>(bytes);
    runner.got += runner.line.tls != nullptr ? opened(runner, received) : received;
    const bool timed = latencies_ != nullptr;
    if (timed) now_ = Clock::now();
    while (runner.open > 0 && runner.got >= runner.batch(runner.oldest).reply_bytes) {
      answered(runner);
    }
    if (runner.open == 0 && runner.got > 0) {
      throw std::runtime_error("the server sent more than was asked for");
    }
    send_more(i);
  }

  /// Decrypts bytes that lie in space_. @return the bytes of replies among them
  std::size_t opened(Runner& runner, std::size_t bytes) {
    std::string_view from{space_.data(), bytes};
    std::size_t all = 0;
    for (;;) {
      const TlsStream::Opened got = runner.line.tls->open(from, plain_, unused_);
      all += got.bytes;
      if (got.bytes > 0) continue;
      if (got.state == TlsStream::State::more) return all;
      throw std::runtime_error("the server ended a connection: " + runner.line.tls->problem());
    }
  }

  void answered(Runner& runner) {
    runner.got -= runner.batch(runner.oldest).reply_bytes;
    if (latencies_ != nullptr && !over_) {
      const auto taken = now_ - runner.since[runner.oldest % runner.since.size()];
      latencies_->record(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count()));
    }
    ++runner.oldest;
    --runner.open;
    --open_;
    replies_ += runner.line.traffic->calls;
    if (!over_) runner.calls += runner.line.traffic->calls;
    if (until_.calls != 0) stopped_ = now_;
  }

  /// Returns true if the line may start a batch: within a piece always, otherwise until the end.
  bool may_begin(const Runner& runner) const {
    if (runner.open >= runner.line.under_way) return false;
    if (runner.next % runner.line.traffic->stride != 0) return true;
    return until_.calls != 0 ? begun_ < until_.calls : !over_;
  }

  void send_more(std::size_t i) {
    Runner& runner = runners_[i];
    while (runner.sending || may_begin(runner)) {
      if (!runner.sending) begin(runner);
      const bool plain = runner.line.tls == nullptr;
      const std::string& bytes = plain ? runner.batch(runner.next).bytes : runner.sealed;
      const ssize_t n = ::send(runner.line.fd, bytes.data() + runner.sent,
                               bytes.size() - runner.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno != EAGAIN && errno != EINTR) {
        throw std::runtime_error("the server closed a connection");
      }
      if (n < 0) return watch_for_room(i, true);
      runner.sent += static_cast<std::size_t>(n);
      if (runner.sent < bytes.size()) continue;
      runner.sent = 0;
      runner.sending = false;
      ++runner.next;
    }
    watch_for_room(i, false);
  }

  void begin(Runner& runner) {
    if (latencies_ != nullptr) runner.since[runner.next % runner.since.size()] = Clock::now();
    if (runner.line.tls != nullptr) {
      const std::string& bytes = runner.batch(runner.next).bytes;
      const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
      runner.sealed.clear();
      runner.line.tls->seal({&part, 1}, bytes.size(), runner.sealed);
    }
    begun_ += runner.line.traffic->calls;
    runner.sending = true;
    ++runner.open;
    ++open_;
  }

  void watch_for_room(std::size_t i, bool stuck) {
    Runner& runner = runners_[i];
    if (runner.stuck == stuck) return;
    runner.stuck = stuck;
    epoll_event event{.events = stuck ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = i}};
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, runner.line.fd, &event);
  }

  const Until until_;
  Histogram* const latencies_;
  const int epoll_;
  std::vector<Runner> runners_;
  std::vector<char> space_ = std::vector<char>(std::size_t{256} << 10);
  std::vector<char> plain_ = std::vector<char>(std::size_t{32} << 10);
  std::string unused_;  // to messages of TLS itself, which these servers do not send
  Clock::time_point begin_, stopped_, now_;
  std::uint64_t begun_ = 0;    ///< calls of all batches begun
  std::uint64_t replies_ = 0;  ///< replies received, also after the end
  std::size_t open_ = 0;
  bool over_ = false;
};

}  // namespace

Driven drive(std::span<const Line> lines, const Until& until, Histogram* latencies) {
  return Driver{lines, until, latencies}.run();
}

}  // namespace agora::load
