// SPDX-License-Identifier: MIT

#include "client/src/session/background_thread.hpp"

#include <signal.h>
#include <string>
#include <system_error>
#include <utility>

#include "shared/base/error.hpp"

namespace agora::detail {
namespace {

// Blocks all signals while it lives. A new thread inherits the mask of the thread that starts it.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Expected<std::thread::id> start_background_thread(std::function<void()> body) {
  const SignalsBlocked blocked;
  try {
    std::thread thread(std::move(body));
    const std::thread::id id = thread.get_id();
    thread.detach();
    return id;
  } catch (const std::system_error& caught) {
    return fail(Errc::unavailable, std::string("no thread can be started: ") + caught.what());
  }
}

}  // namespace agora::detail
