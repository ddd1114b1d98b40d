#include "tests/bench/peers.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
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

std::string beside(const std::string& name) {
  return (std::filesystem::path{own_path()}.parent_path() / name).string();
}

/// A free port, for servers that cannot take one themselves.
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

template <typename Dial>
int patiently(Dial&& dial) {
  for (int attempt = 0; attempt < 500; ++attempt) {
    if (const int fd = dial(); fd >= 0) return fd;
    ::poll(nullptr, 0, 10);
  }
  throw std::runtime_error("a peer does not accept connections");
}

}  // namespace

Child::Child(const std::vector<std::string>& command, int cpu, const std::string& ready_prefix) {
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (cpu >= 0) pin_to(cpu);
    ::dup2(out[1], STDOUT_FILENO);
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDERR_FILENO);
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  ::close(out[1]);
  std::string line;
  for (char c; !ready_prefix.empty() && ::read(out[0], &c, 1) == 1;) {
    if (c != '\n') {
      line += c;
      continue;
    }
    if (line.starts_with(ready_prefix)) break;
    line.clear();
  }
  ready_line_ = line;
  // Left open: a peer that writes more must not die of it.
  static_cast<void>(::fcntl(out[0], F_SETFL, O_NONBLOCK));
}

Child::~Child() {
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::size_t Child::resident() const {
  std::ifstream in{"/proc/" + std::to_string(pid_) + "/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE));
}

Scratch::Scratch() {
  char path[] = "/tmp/agora-bench-XXXXXX";
  if (::mkdtemp(path) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = path;
}

Scratch::~Scratch() { std::filesystem::remove_all(path_); }

Agorad::Agorad(int cpu)
    : child({beside("agorad"), "--listen", "127.0.0.1:0", "--unix", scratch.path() + "/a.sock"},
            cpu, "ready "),
      unix_path(scratch.path() + "/a.sock") {
  const std::string& line = child.ready_line();
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos) throw std::runtime_error("agorad did not start");
  port = std::stoi(line.substr(colon + 1));
}

Redis::Redis(int cpu)
    : unix_path(scratch.path() + "/r.sock"),
      port(free_port()),
      child({"redis-server", "--port", std::to_string(port), "--bind", "127.0.0.1", "--unixsocket",
             unix_path, "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir",
             scratch.path()},
            cpu, "") {
  ::close(connect_tcp(port));
}

Echo::Echo(int cpu)
    : unix_path(scratch.path() + "/e.sock"),
      child({own_path(), "--serve-echo", unix_path}, cpu, "ready") {}

void serve_echo(const std::string& unix_path) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  unix_path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 16) != 0) {
    ::_exit(1);
  }
  static_cast<void>(!::write(STDOUT_FILENO, "ready\n", 6));
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  std::array<char, 65536> buffer;
  for (;;) {
    if (::epoll_wait(epoll, &event, 1, -1) != 1) continue;
    if (event.data.fd == listener) {
      epoll_event added{.events = EPOLLIN, .data = {.fd = ::accept(listener, nullptr, nullptr)}};
      ::epoll_ctl(epoll, EPOLL_CTL_ADD, added.data.fd, &added);
      continue;
    }
    const int fd = event.data.fd;
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) {
      ::close(fd);
    } else {
      static_cast<void>(::send(fd, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL));
    }
  }
}

int cpu_count() {
  // Once: a thread that has pinned itself has one CPU, and so have those that it starts.
  static const int count = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    ::sched_getaffinity(0, sizeof set, &set);
    return CPU_COUNT(&set);
  }();
  return count;
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

int connect_unix(const std::string& path) {
  return patiently([&] {
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
  return patiently([&] {
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
