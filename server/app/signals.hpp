// SPDX-License-Identifier: MIT

// The signal dispositions of the program agorad. A server inside another program leaves that
// program's signals alone.
#pragma once

namespace agora {

/// Sets what the program does at each signal, whatever the parent process has set:
///
/// * SIGPIPE and SIGXFSZ are ignored: the write that fails, or the memory that cannot grow beyond
///   `ulimit -f`, is an error that the server handles. Their default would end it.
/// * SIGHUP is ignored until Server::take_signals() handles it: a closed terminal must not end the
///   server.
/// * SIGTERM, SIGINT and SIGHUP are unblocked: a parent that blocks them would leave only SIGKILL
///   to end the server.
///
/// Called once, before any thread is started.
void set_signal_dispositions();

}  // namespace agora
