// SPDX-License-Identifier: MIT

// Peers: the servers that a benchmark compares, as child processes pinned to the servers' CPU.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace agora::bench {

/// A child process; the destructor kills it and waits for it.
class Child {
 public:
  /// @param cpu  the CPU to run on; -1: any CPU that this program had at its start
  /// @param ready_prefix  waits for a line on its standard output with this prefix; empty: does not
  ///                      wait
  Child(const std::vector<std::string>& command, int cpu, const std::string& ready_prefix);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  const std::string& ready_line() const { return ready_line_; }
  /// Returns its resident memory, bytes.
  std::size_t resident() const;
  /// Writes a line to its standard input. @return the next line of its output
  std::string ask(const std::string& line) const;

 private:
  std::string next_line() const;

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string ready_line_;
};

/// A temporary directory; the destructor removes it with its content.
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
  /// @param options  further options of its command line
  explicit Agorad(int cpu, const std::vector<std::string>& options = {});
};

struct Redis {
  Scratch scratch;
  std::string unix_path;
  int port = 0;
  Child child;
  /// @param options  further words of its command line
  explicit Redis(int cpu, const std::vector<std::string>& options = {});
};

/// memcached on TCP or on a Unix socket; it does not support both at once.
struct Memcached {
  Scratch scratch;
  std::string unix_path;
  int port = 0;
  Child child;
  Memcached(int cpu, bool on_unix);
};

/// A single-node etcd with its data in a scratch directory.
struct Etcd {
  Scratch scratch;
  int port = 0;
  Child child;
  explicit Etcd(int cpu);
};

/// This program as a bare epoll echo server.
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
  /// @return calls per second of all workers together
  double run(const std::string& work, double seconds) const;
};

/// Returns the number of CPUs that this process could use at its start.
int cpu_count();
/// Pins this thread to one CPU; -1: to all CPUs that the process could use at its start.
void pin_to(int cpu);
/// Return the servers' CPU and the generator's; -1 if there is only one CPU.
int server_cpu();
int client_cpu();
/// Raises the soft limit of descriptors of this process and its children to the hard limit.
/// @return that limit
std::size_t raise_descriptors();

/// Returns a free port, for servers that cannot choose one themselves.
int free_port();
int connect_unix(const std::string& path);
int connect_tcp(int port);

/// Returns the path of a source file, such as a script of the benchmark.
std::string source_file(const std::string& name);
/// Returns true if a program of that name is in PATH.
bool is_installed(const std::string& program);

}  // namespace agora::bench
