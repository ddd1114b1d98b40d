// Peers: the servers that a benchmark sets side by side, each a process on a CPU of its own.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace agora::bench {

/// A child process that is killed and waited for at the end.
class Child {
 public:
  /// @param cpu  the CPU to run on; -1: any that this program had when it began
  /// @param ready_prefix  waits for a line on its standard output that begins with it; empty: no
  Child(const std::vector<std::string>& command, int cpu, const std::string& ready_prefix);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& ready_line() const { return ready_line_; }
  /// Resident memory, bytes.
  std::size_t resident() const;
  /// Writes a line to its standard input. @return the next line of its output.
  std::string ask(const std::string& line) const;

 private:
  std::string next_line() const;

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
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

/// On TCP, or, with a path, on a Unix socket: it does not do both.
struct Memcached {
  Scratch scratch;
  std::string unix_path;
  int port = 0;
  Child child;
  Memcached(int cpu, bool on_unix);
};

/// etcd, alone, with its data in a scratch directory.
struct Etcd {
  Scratch scratch;
  int port = 0;
  Child child;
  explicit Etcd(int cpu);
};

/// This very program as a bare epoll echo server.
struct Echo {
  Scratch scratch;
  std::string unix_path;
  Child child;
  int port = 0;
  explicit Echo(int cpu);
};

/// CPython's multiprocessing.Manager and worker processes; see manager_peer.py.
struct Manager {
  Child child;
  Manager(int server_cpu, int worker_cpu);
  /// @param work  "queue" or "lock"
  /// @return calls a second of all workers together.
  double run(const std::string& work, double seconds) const;
};

/// How many CPUs this process could use when it began.
int cpu_count();
/// Pins this thread to one CPU; -1: to all that the process could use when it began.
void pin_to(int cpu);
/// The servers' CPU and the generator's; -1 where there is only one.
int server_cpu();
int client_cpu();
/// Allows this process and its children as many descriptors as the hard limit does.
/// @return how many that are.
std::size_t raise_descriptors();

int connect_unix(const std::string& path);
int connect_tcp(int port);

/// The path of a file of the sources: a script that is part of the benchmark.
std::string source_file(const std::string& name);
/// Whether a program of that name is in PATH.
bool is_installed(const std::string& program);

}  // namespace agora::bench
