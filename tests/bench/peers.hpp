// Peers: the servers that a benchmark sets side by side, each a process on a CPU of its own.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace agora::bench {

/// A child process that is killed and waited for at the end.
class Child {
 public:
  /// @param cpu  the CPU to run on; -1: any
  /// @param ready_prefix  waits for a line on its standard output that begins with it; empty: no
  Child(const std::vector<std::string>& command, int cpu, const std::string& ready_prefix);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& ready_line() const { return ready_line_; }
  /// Resident memory, bytes.
  std::size_t resident() const;

 private:
  pid_t pid_ = -1;
  std::string ready_line_;
};

/// A directory that goes with its content.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Agorad {
  Scratch scratch;
  Child child;
  std::string unix_path;
  int port = 0;
  explicit Agorad(int cpu);
};

struct Redis {
  Scratch scratch;
  std::string unix_path;
  int port = 0;
  Child child;
  explicit Redis(int cpu);
};

/// This very program as a bare epoll echo server on a Unix socket.
struct Echo {
  Scratch scratch;
  std::string unix_path;
  Child child;
  explicit Echo(int cpu);
};

/// Serves echoes on that Unix socket until it is killed.
[[noreturn]] void serve_echo(const std::string& unix_path);

/// How many CPUs this process may use; pins this thread to one of them.
int cpu_count();
void pin_to(int cpu);

int connect_unix(const std::string& path);
int connect_tcp(int port);

}  // namespace agora::bench
