#include "docs/examples/word_count/interrupt.hpp"

#include <csignal>
#include <initializer_list>

namespace word_count {
namespace {

volatile std::sig_atomic_t came = 0;

void mark(int) { came = 1; }

void set(int signal, void (*action)(int)) {
  struct sigaction description {};
  description.sa_handler = action;  // no SA_RESTART: a read that waits is to return
  ::sigaction(signal, &description, nullptr);
}

}  // namespace

void catch_interrupts() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) set(signal, mark);
  set(SIGPIPE, SIG_IGN);
}

void let_interrupts_end_this() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) set(signal, SIG_DFL);
}

void throw_if_interrupted() {
  if (came != 0) throw Interrupted();
}

}  // namespace word_count
