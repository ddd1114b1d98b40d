// SPDX-License-Identifier: MIT

#include "server/net/loop.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace agora {
namespace {

[[noreturn]] void refuse(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Descriptor opened(int fd, const char* what) {
  if (fd < 0) refuse(what);
  return Descriptor{fd};
}

}  // namespace

Loop::Loop()
    : epoll_(opened(::epoll_create1(EPOLL_CLOEXEC), "epoll")),
      event_(opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      clock_(opened(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), "timerfd")) {
  add(event_.get(), EPOLLIN, wake_fd_);
  add(clock_.get(), EPOLLIN, timer_fd_);
}

void Loop::add(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) refuse("epoll_ctl");
}

void Loop::change(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{.events = events, .data = {.ptr = &watcher}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) refuse("epoll_ctl");
}

void Loop::remove(int fd, Watcher& watcher) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (epoll_event& event : left_) {
    if (event.data.ptr == &watcher) event.data.ptr = nullptr;
  }
}

void Loop::post_threadsafe(Task task) {
  const std::lock_guard guard(threadsafe_mutex_);
  threadsafe_tasks_.push_back(std::move(task));
  ::eventfd_write(event_.get(), 1);
}

void Loop::WakeFd::on_ready(std::uint32_t) {
  eventfd_t count = 0;
  ::eventfd_read(loop.event_.get(), &count);
  const std::lock_guard guard(loop.threadsafe_mutex_);
  for (Task& task : loop.threadsafe_tasks_) loop.post(std::move(task));
  loop.threadsafe_tasks_.clear();
}

void Loop::TimerFd::on_ready(std::uint32_t) {
  std::uint64_t times = 0;
  static_cast<void>(::read(loop.clock_.get(), &times, sizeof times));
  armed_for.reset();
}

void Loop::TimerFd::arm(Moment when) {
  if (armed_for && *armed_for <= when) return;
  armed_for = when;
  // Zero would disarm the timerfd.
  const auto span = std::max(when.time_since_epoch(), Moment::duration{1});
  const auto whole = std::chrono::floor<std::chrono::seconds>(span);
  const itimerspec at{{}, {whole.count(), (span - whole).count()}};
  ::timerfd_settime(loop.clock_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

void Loop::run() {
  while (!stopped_) pass(true);
}

std::size_t Loop::poll() {
  std::size_t done = 0;
  for (std::size_t more = 1; more > 0 && !stopped_; done += more) more = pass(false);
  return done;
}

std::size_t Loop::pass(bool may_wait) {
  const int found = wait(may_wait);
  left_ = std::span{ready_}.first(static_cast<std::size_t>(std::max(found, 0)));
  while (!left_.empty()) {
    const epoll_event event = left_.front();
    left_ = left_.subspan(1);
    if (event.data.ptr != nullptr) static_cast<Watcher*>(event.data.ptr)->on_ready(event.events);
  }
  const std::size_t tasks = run_tasks();
  return static_cast<std::size_t>(std::max(found, 0)) + tasks + run_timers();
}

int Loop::wait(bool may_wait) {
  const int most = static_cast<int>(ready_.size());
  const bool work = !tasks_.empty() || (sleeper_ != nullptr && !sleeper_->may_sleep());
  if (!may_wait || work || !tasks_.empty())
    return ::epoll_wait(epoll_.get(), ready_.data(), most, 0);
  if (!timers_.empty()) timer_fd_.arm(timers_.begin()->first);
  return ::epoll_wait(epoll_.get(), ready_.data(), most, -1);
}

std::size_t Loop::run_tasks() {
  running_.swap(tasks_);
  for (const Task& task : running_) task();
  const std::size_t done = running_.size();
  running_.clear();
  return done;
}

std::size_t Loop::run_timers() {
  if (timers_.empty()) return 0;
  const Moment now = std::chrono::steady_clock::now();
  std::size_t done = 0;
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer& due = *timers_.begin()->second;
    due.cancel();
    due.callback_();
    ++done;
  }
  return done;
}

void Timer::set(Loop::Moment when) {
  cancel();
  entry_ = loop_.timers_.emplace(when, this);
  is_set_ = true;
}

void Timer::cancel() {
  if (std::exchange(is_set_, false)) loop_.timers_.erase(entry_);
}

}  // namespace agora
