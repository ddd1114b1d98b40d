// SPDX-License-Identifier: MIT

#include "docs/examples/word_count/server_process.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdexcept>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "docs/examples/word_count/interrupt.hpp"

namespace word_count {
namespace {

namespace fs = std::filesystem;

constexpr int kOwnerFd = 3;  // the number in the server
constexpr int kReadyTimeoutMs = 20'000;
constexpr int kShutdownTimeoutMs = 5000;

[[noreturn]] void fail_start(const std::string& step, int problem) {
  throw std::runtime_error("the server did not start: " + step + ": " + std::strerror(problem));
}

std::string server_program() {
  const char* configured = std::getenv("AGORA_SERVER");
  if (configured != nullptr && *configured != '\0') return configured;
  return fs::read_symlink("/proc/self/exe").replace_filename("agorad").string();
}

std::string make_folder() {
  std::string folder = (fs::temp_directory_path() / "agora-demo-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) fail_start(folder, errno);
  return folder;
}

int pidfd_of(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

// Closes its descriptor when it goes out of scope.
struct Descriptor {
  explicit Descriptor(int number) : fd(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

}  // namespace

ServerProcess::ServerProcess() : folder_(make_folder()) {
  try {
    start();
  } catch (...) {
    end();
    throw;
  }
}

ServerProcess::~ServerProcess() { end(); }

void ServerProcess::start() {
  // These numbers are above the server's own, so that no dup2 there closes a descriptor in use.
  const Descriptor self(pidfd_of(::getpid()));
  const Descriptor owner(::fcntl(self.fd, F_DUPFD_CLOEXEC, kOwnerFd + 1));
  int ends[2];
  if (owner.fd < 0 || ::pipe2(ends, O_CLOEXEC) != 0) fail_start("pipe", errno);
  const Descriptor output(ends[0]);
  {
    const Descriptor input(ends[1]);
    const Descriptor input_above(::fcntl(input.fd, F_DUPFD_CLOEXEC, kOwnerFd + 1));
    spawn(server_program(), input_above.fd, owner.fd);
  }
  read_ready_line(output.fd);
}

void ServerProcess::spawn(const std::string& program, int output, int owner) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, 1);
  posix_spawn_file_actions_adddup2(&files, owner, kOwnerFd);
  posix_spawn_file_actions_addclosefrom_np(&files, kOwnerFd + 1);
  // The server gets a process session of its own: Ctrl-C at the terminal reaches the demo only,
  // which then ends the server itself.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF);

  const std::string path = socket_path();
  const std::string owner_fd = std::to_string(kOwnerFd);
  const char* const arguments[] = {program.c_str(), "--listen",       "127.0.0.1:0",
                                   "--unix",        path.c_str(),     "--remove-directory",
                                   "--owner-fd",    owner_fd.c_str(), "--log-level",
                                   "warn",          nullptr};
  const int problem = ::posix_spawn(&pid_, program.c_str(), &files, &attributes,
                                    const_cast<char* const*>(arguments), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (problem != 0) {
    pid_ = -1;
    fail_start(program, problem);
  }
}

void ServerProcess::read_ready_line(int output) {
  std::string line;
  while (line.find('\n') == std::string::npos) {
    pollfd wanted{output, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, kReadyTimeoutMs);
    throw_if_interrupted();
    if (ready == 0) throw std::runtime_error("the server was not ready in time");
    std::array<char, 512> bytes;
    const ssize_t got = ::read(output, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::runtime_error("the server ended at once; its error is above");
    line.append(bytes.data(), static_cast<std::size_t>(got));
  }
  const std::string before = "ready tcp=127.0.0.1:";
  if (!line.starts_with(before)) throw std::runtime_error("the server said: " + line);
  std::from_chars(line.data() + before.size(), line.data() + line.size(), port_);
}

void ServerProcess::end() {
  if (pid_ > 0) {
    const Descriptor server(pidfd_of(pid_));
    ::kill(pid_, SIGTERM);
    pollfd wanted{server.fd, POLLIN, 0};
    if (::poll(&wanted, 1, kShutdownTimeoutMs) != 1) ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

}  // namespace word_count
