// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/interrupt.hpp"

#include <csignal>
#include <initializer_list>

namespace word_count {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void on_signal(int) { interrupted = 1; }

void set_action(int signal, void (*action)(int)) {
  struct sigaction description {};
  description.sa_handler = action;  // no SA_RESTART: a blocked read must return
  ::sigaction(signal, &description, nullptr);
}

}  // namespace

void catch_interrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) set_action(signal, on_signal);
  set_action(SIGPIPE, SIG_IGN);
}

void restore_default_actions() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) set_action(signal, SIG_DFL);
}

void throw_if_interrupted() {
  if (interrupted != 0) throw Interrupted();
}

}  // namespace word_count
