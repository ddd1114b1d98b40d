// SPDX-License-Identifier: MIT

#include "server/app/shutdown_triggers.hpp"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <utility>

namespace agora {
namespace {

/// Calls end() once the descriptor is readable; not if it is closed first.
void call_when_readable(PolledDescriptor& descriptor, std::function<void()> end) {
  descriptor.async_wait(PolledDescriptor::wait_read,
                        [end = std::move(end)](const std::error_code& error) {
                          if (!error) end();
                        });
}

Descriptor made_eventfd() {
  Descriptor made{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!made.is_open()) throw std::system_error(errno, std::generic_category(), "eventfd");
  return made;
}

}  // namespace

SignalWatcher::SignalWatcher(asio::io_context& io, std::function<void()> end,
                             std::function<void()> hang_up)
    : end_(std::move(end)), hang_up_(std::move(hang_up)), signals_(io) {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before_[i]);
    signals_.add(kSignals[i]);
  }
  wait();
}

SignalWatcher::~SignalWatcher() {
  signals_.clear();
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &before_[i], nullptr);
  }
}

void SignalWatcher::wait() {
  signals_.async_wait([this](const std::error_code& error, int signal) {
    if (error) return;  // *this may be gone
    wait();             // first: the other function may throw
    signal == SIGHUP ? hang_up_() : end_();
  });
}

ParentWatcher::ParentWatcher(asio::io_context& io, Descriptor pidfd, std::function<void()> end)
    : pidfd_(io) {
  std::error_code error;
  pidfd_.assign(pidfd.get(), error);
  if (error) {
    throw std::runtime_error("the owner descriptor " + std::to_string(pidfd.get()) +
                             " cannot be watched (" + error.message() +
                             "); it must be an inherited pidfd");
  }
  pidfd.release();
  call_when_readable(pidfd_, std::move(end));
}

StopEvent::StopEvent(asio::io_context& io, std::function<void()> end) : event_(io) {
  Descriptor made = made_eventfd();
  event_.assign(made.get());
  made.release();
  call_when_readable(event_, std::move(end));
}

void StopEvent::notify() { ::eventfd_write(event_.native_handle(), 1); }

}  // namespace agora
