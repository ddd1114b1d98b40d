// SPDX-License-Identifier: MIT

#include "tests/bench/peers.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include <climits>

namespace agora::bench {
namespace {

std::string own_path() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (length <= 0) throw std::runtime_error("cannot find this program");
  return {path.data(), static_cast<std::size_t>(length)};
}

std::string sibling_program(const std::string& name) {
  return (std::filesystem::path{own_path()}.parent_path() / name).string();
}

std::vector<std::string> agorad_command(const std::string& unix_path,
                                        const std::vector<std::string>& options) {
  std::vector<std::string> command{sibling_program("agorad"), "--listen", "127.0.0.1:0", "--unix",
                                   unix_path};
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

std::vector<std::string> redis_command(const std::string& directory, int port,
                                       const std::vector<std::string>& options) {
  std::vector<std::string> words{"redis-server",
                                 "--port",
                                 std::to_string(port),
                                 "--bind",
                                 "127.0.0.1",
                                 "--unixsocket",
                                 directory + "/r.sock",
                                 "--save",
                                 "",
                                 "--appendonly",
                                 "no",
                                 "--daemonize",
                                 "no",
                                 "--maxclients",
                                 "12000",
                                 "--dir",
                                 directory};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

std::vector<std::string> memcached_command(const std::string& unix_path, int port) {
  std::vector<std::string> words{"memcached", "-t", "1", "-m", "4096", "-I", "16m", "-c", "4096"};
  if (::geteuid() == 0) words.insert(words.end(), {"-u", "root"});
  if (unix_path.empty()) {
    words.insert(words.end(), {"-l", "127.0.0.1", "-p", std::to_string(port)});
  } else {
    words.insert(words.end(), {"-s", unix_path});
  }
  return words;
}

std::vector<std::string> etcd_command(const std::string& directory, int port) {
  const std::string clients = "http://127.0.0.1:" + std::to_string(port);
  const std::string peers = "http://127.0.0.1:" + std::to_string(free_port());
  return {"etcd",
          "--data-dir",
          directory + "/data",
          "--listen-client-urls",
          clients,
          "--advertise-client-urls",
          clients,
          "--listen-peer-urls",
          peers,
          "--initial-advertise-peer-urls",
          peers,
          "--initial-cluster",
          "default=" + peers};
}

template <typename Dial>
int retry_connect(Dial&& dial) {
  for (int attempt = 0; attempt < 500; ++attempt) {
    if (const int fd = dial(); fd >= 0) return fd;
    ::poll(nullptr, 0, 10);
  }
  throw std::runtime_error("a peer does not accept connections");
}

}  // namespace

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    throw std::runtime_error("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

Child::Child(const std::vector<std::string>& command, int cpu, const std::string& ready_prefix) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  static_cast<void>(cpu_count());  // records the CPUs before the first pin_to()
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin_to(cpu);
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDERR_FILENO);
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  ::close(in[0]), ::close(out[1]);
  to_ = in[1], from_ = out[0];  // stays open: a peer that writes more must not get SIGPIPE
  if (ready_prefix.empty()) return;
  do {
    ready_line_ = next_line();
  } while (!ready_line_.starts_with(ready_prefix));
}

Child::~Child() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  ::close(to_), ::close(from_);
}

std::string Child::next_line() const {
  std::string line;
  for (char c; ::read(from_, &c, 1) == 1; line += c) {
    if (c == '\n') return line;
  }
  throw std::runtime_error("a peer ended");
}

std::string Child::ask(const std::string& line) const {
  const std::string bytes = line + "\n";
  if (::write(to_, bytes.data(), bytes.size()) < 0) throw std::runtime_error("a peer ended");
  return next_line();
}

std::size_t Child::resident() const {
  std::ifstream in{"/proc/" + std::to_string(pid_) + "/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE));
}

Scratch::Scratch() {
  const char* parent = std::getenv("TMPDIR");
  path_ = std::string(parent != nullptr ? parent : "/tmp") + "/agora-bench-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary directory");
}

Scratch::~Scratch() {
  std::error_code problem;  // ignored: a server that was just killed may still be exiting
  std::filesystem::remove_all(path_, problem);
}

Agorad::Agorad(int cpu, const std::vector<std::string>& options)
    : child(agorad_command(scratch.path() + "/a.sock", options), cpu, "ready "),
      unix_path(scratch.path() + "/a.sock") {
  const std::string& line = child.ready_line();
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos) throw std::runtime_error("agorad did not start");
  port = std::stoi(line.substr(colon + 1));
}

Redis::Redis(int cpu, const std::vector<std::string>& options)
    : unix_path(scratch.path() + "/r.sock"),
      port(free_port()),
      child(redis_command(scratch.path(), port, options), cpu, "") {
  ::close(connect_tcp(port));
}

Memcached::Memcached(int cpu, bool on_unix)
    : unix_path(on_unix ? scratch.path() + "/m.sock" : ""),
      port(on_unix ? 0 : free_port()),
      child(memcached_command(unix_path, port), cpu, "") {
  ::close(on_unix ? connect_unix(unix_path) : connect_tcp(port));
}

Etcd::Etcd(int cpu) : port(free_port()), child(etcd_command(scratch.path(), port), cpu, "") {
  ::close(connect_tcp(port));
}

Echo::Echo(int cpu)
    : unix_path(scratch.path() + "/e.sock"),
      child({own_path(), "--serve-echo", unix_path}, cpu, "ready "),
      port(std::stoi(child.ready_line().substr(6))) {}

Manager::Manager(int server_cpu, int worker_cpu)
    : child({"/usr/bin/python3", "-B", source_file("tests/bench/manager_peer.py"),
             std::to_string(server_cpu), std::to_string(worker_cpu)},
            worker_cpu, "ready") {}

double Manager::run(const std::string& work, double seconds) const {
  return std::stod(child.ask(work + " " + std::to_string(seconds)));
}

namespace {

const cpu_set_t& first_cpus() {
  // Read once: a thread that has pinned itself has one CPU, and its child threads inherit it.
  static const cpu_set_t cpus = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    return set;
  }();
  return cpus;
}

/// Returns the n-th CPU that the process could use at its start, or -1 if it had only one.
int nth_cpu(int n) {
  if (cpu_count() < 2) return -1;
  for (int cpu = 0;; ++cpu) {
    if (CPU_ISSET(static_cast<unsigned>(cpu), &first_cpus()) && n-- == 0) return cpu;
  }
}

}  // namespace

int cpu_count() { return CPU_COUNT(&first_cpus()); }
int server_cpu() { return nth_cpu(0); }
int client_cpu() { return nth_cpu(1); }

void pin_to(int cpu) {
  cpu_set_t set = first_cpus();
  if (cpu >= 0) {
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
  }
  ::sched_setaffinity(0, sizeof set, &set);
}

std::size_t raise_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::string source_file(const std::string& name) { return AGORA_SOURCE_DIR "/" + name; }

bool is_installed(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders{path != nullptr ? path : "/usr/bin:/bin"};
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

int connect_unix(const std::string& path) {
  return retry_connect([&] {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
  });
}

int connect_tcp(int port) {
  return retry_connect([&] {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
  });
}

}  // namespace agora::bench
