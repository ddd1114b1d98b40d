// SPDX-License-Identifier: MIT

#include "server/app/shutdown_triggers.hpp"

#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

namespace agora {
namespace {

std::atomic<int> signal_event{-1};  // the eventfd of the SignalWatcher, or -1
std::atomic<bool> to_end{false};    // SIGTERM or SIGINT has arrived

void on_signal(int signal) {
  const int before = errno;
  if (signal != SIGHUP) to_end = true;
  ::eventfd_write(signal_event.load(), 1);
  errno = before;
}

}  // namespace

SignalWatcher::SignalWatcher(Loop& loop, std::function<void()> end, std::function<void()> hang_up)
    : loop_(loop),
      end_(std::move(end)),
      hang_up_(std::move(hang_up)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  loop_.add(event_.get(), EPOLLIN, *this);
  to_end = false;
  signal_event = event_.get();
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &action, &terminate_before_);
  ::sigaction(SIGINT, &action, &interrupt_before_);
  ::sigaction(SIGHUP, &action, &hang_up_before_);
}

SignalWatcher::~SignalWatcher() {
  ::sigaction(SIGTERM, &terminate_before_, nullptr);
  ::sigaction(SIGINT, &interrupt_before_, nullptr);
  ::sigaction(SIGHUP, &hang_up_before_, nullptr);
  signal_event = -1;
  loop_.remove(event_.get(), *this);
}

void SignalWatcher::on_ready(std::uint32_t) {
  eventfd_t count = 0;
  ::eventfd_read(event_.get(), &count);
  to_end ? end_() : hang_up_();
}

ParentWatcher::ParentWatcher(Loop& loop, Descriptor pidfd, std::function<void()> end)
    : loop_(loop), pidfd_(std::move(pidfd)), end_(std::move(end)) {
  try {
    loop_.add(pidfd_.get(), EPOLLIN, *this);
  } catch (const std::system_error& error) {
    throw std::runtime_error("the owner descriptor " + std::to_string(pidfd_.get()) +
                             " cannot be watched (" + error.code().message() +
                             "); it must be an inherited pidfd");
  }
}

ParentWatcher::~ParentWatcher() { loop_.remove(pidfd_.get(), *this); }

}  // namespace agora
