// SPDX-License-Identifier: MIT

#include "server/app/signals.hpp"

#include <csignal>
#include <initializer_list>

namespace agora {

void set_signal_dispositions() {
  for (const int ignored : {SIGPIPE, SIGXFSZ, SIGHUP}) std::signal(ignored, SIG_IGN);
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&handled, signal);
  pthread_sigmask(SIG_UNBLOCK, &handled, nullptr);
}

}  // namespace agora
