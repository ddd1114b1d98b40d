// SPDX-License-Identifier: MIT

#include "server/app/log_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace agora {
namespace {

/// Some 800 lines: the log of a server that starts and ends, and of a minute of repeated events.
constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
/// Enough for the functions that the thread calls, also under a sanitizer.
constexpr std::size_t kStackBytes = std::size_t{256} << 10;

/// Returns whether the descriptor takes bytes, or fails, at once.
bool is_ready(int descriptor, int timeout_ms) {
  pollfd wanted{descriptor, POLLOUT, 0};
  return ::poll(&wanted, 1, timeout_ms) > 0;
}

/// Writes all of `text`; waits as long as it takes. @return how many bytes the descriptor took
std::size_t write_all(int descriptor, std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(descriptor, text.data() + done, text.size() - done);
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (written < 0 && errno == EAGAIN) {
      is_ready(descriptor, -1);
    } else if (written == 0 || errno != EINTR) {
      break;
    }
  }
  return done;
}

}  // namespace

struct LogWriter::State {
  explicit State(int to) : descriptor(to) {}

  // ---- the caller's side; the caller holds the mutex ----

  bool append(std::string_view line) {
    if (line.size() > kBufferBytes - size) return false;
    std::size_t end = (begin + size) % kBufferBytes;
    size += line.size();
    while (!line.empty()) {
      const std::size_t part = std::min(line.size(), kBufferBytes - end);
      std::memcpy(buffer.data() + end, line.data(), part);
      line.remove_prefix(part);
      end = 0;
    }
    return true;
  }

  // ---- the thread's side ----

  static void* run(void* owned) {
    const std::unique_ptr<std::shared_ptr<State>> state{
        static_cast<std::shared_ptr<State>*>(owned)};
    (*state)->work();
    return nullptr;
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return size > 0 || ending; });
      if (size == 0) break;
      write_some(lock);
    }
    ended = true;
    changed.notify_all();
  }

  /// Writes the front of the buffer. The caller's side appends behind it only, so it needs no copy.
  void write_some(std::unique_lock<std::mutex>& lock) {
    const std::size_t length = std::min(size, kBufferBytes - begin);
    const std::string_view front{buffer.data() + begin, length};
    const bool starts_line = line_cut;
    lock.unlock();
    if (starts_line) write_all(descriptor, "\n");
    const std::size_t done = write_all(descriptor, front);
    lock.lock();
    line_cut = starts_line && done == 0;
    consume(done);
    if (done < length) {
      line_cut = done > 0 ? front[done - 1] != '\n' : line_cut;
      drop_line();
    } else if (lost > 0 && front.back() == '\n') {
      tell_lost(lock);
    }
  }

  void consume(std::size_t bytes) {
    begin = (begin + bytes) % kBufferBytes;
    size -= bytes;
    written += bytes;
  }

  /// Drops the rest of the line at the front, which the descriptor has refused.
  void drop_line() {
    ++lost;
    while (size > 0) {
      const char dropped = buffer[begin];
      consume(1);
      if (dropped == '\n') return;
    }
  }

  void tell_lost(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t told = lost;
    std::array<char, 128> text;
    const int length =
        std::snprintf(text.data(), text.size(),
                      "agorad: %llu lines of the log were lost: they were not read or not stored\n",
                      static_cast<unsigned long long>(told));
    lock.unlock();
    const auto whole = static_cast<std::size_t>(length);
    const bool taken = write_all(descriptor, {text.data(), whole}) == whole;
    lock.lock();
    if (taken) lost -= told;
  }

  const int descriptor;
  std::mutex mutex;
  std::condition_variable changed;
  std::array<char, kBufferBytes> buffer;
  std::size_t begin = 0;
  std::size_t size = 0;
  std::uint64_t written = 0;  // bytes that have left the buffer
  std::uint64_t lost = 0;     // lines, not told yet
  bool line_cut = false;      // the descriptor has taken a part of a line, and then failed
  bool has_thread = false;
  bool ending = false;
  bool ended = false;
};

LogWriter::LogWriter(int descriptor) : state_(std::make_shared<State>(descriptor)) {
  auto owned = std::make_unique<std::shared_ptr<State>>(state_);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);  // signals are for the server's thread
  pthread_t thread;
  state_->has_thread = pthread_create(&thread, &attributes, &State::run, owned.get()) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (state_->has_thread) static_cast<void>(owned.release());
}

LogWriter::~LogWriter() {
  constexpr std::chrono::seconds kPatience{1};
  std::unique_lock lock(state_->mutex);
  state_->ending = true;
  state_->changed.notify_all();
  if (!state_->has_thread) return;
  for (std::uint64_t before = state_->written;;) {
    const bool ended = state_->changed.wait_for(lock, kPatience, [&] { return state_->ended; });
    if (ended || std::exchange(before, state_->written) == state_->written) return;
  }
}

void LogWriter::write(std::string_view line) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->has_thread) {
    if (is_ready(state_->descriptor, 0)) write_all(state_->descriptor, line);
  } else if (state_->append(line)) {
    state_->changed.notify_all();
  } else {
    ++state_->lost;
  }
}

}  // namespace agora
