// SPDX-License-Identifier: MIT

// read_key_file: opens a key file and checks that no other user can read it.

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "shared/auth/key_file.hpp"

namespace agora {
namespace {

/// More than any list of keys needs.
constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;

class OpenFile {
 public:
  // Without O_NONBLOCK a FIFO would hold the server until another process writes to it.
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

/// One entry of the attribute system.posix_acl_access, as the kernel stores it.
struct AclEntry {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id;
};

/// Returns true if the file's access list gives no right to other users: it has one, and its
/// entries for the group and for others are empty, and name no user but this process's and root.
///
/// systemd passes a credential in a file with such a list for the service's user. Its mask then
/// stands in the group's bits of the mode.
bool acl_keeps_others_out(int fd) {
  constexpr std::uint16_t kUser = 0x02, kGroupObject = 0x04, kGroup = 0x08, kOther = 0x20;
  constexpr std::size_t kHeaderBytes = 4;
  std::array<char, 4096> list{};
  const ssize_t size = ::fgetxattr(fd, "system.posix_acl_access", list.data(), list.size());
  if (size < static_cast<ssize_t>(kHeaderBytes)) return false;
  for (std::size_t at = kHeaderBytes; at + sizeof(AclEntry) <= static_cast<std::size_t>(size);
       at += sizeof(AclEntry)) {
    AclEntry entry;
    std::memcpy(&entry, list.data() + at, sizeof entry);
    if (entry.permissions == 0) continue;
    if (entry.tag == kGroupObject || entry.tag == kGroup || entry.tag == kOther) return false;
    if (entry.tag == kUser && entry.id != ::geteuid() && entry.id != 0) return false;
  }
  return true;
}

Failure refused(const std::string& path, const std::string& reason) {
  return fail(Errc::value_error, path + ": " + reason);
}

}  // namespace

Expected<KeyFile> read_key_file(const std::string& path) {
  const OpenFile file{path};
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0) {
    return refused(path, std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) return refused(path, "is no regular file");
  const bool others = (status.st_mode & S_IRWXO) != 0;
  const bool group = (status.st_mode & S_IRWXG) != 0;
  if (others || (group && !acl_keeps_others_out(file.fd()))) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", status.st_mode & 07777U);
    return refused(path, "its mode " + std::string{mode.data()} +
                             " lets other users at the keys; chmod 600 makes it right");
  }
  if (static_cast<std::size_t>(status.st_size) > kFileBytesMax) {
    return refused(path, "is larger than 1 MiB");
  }
  std::string text(kFileBytesMax, '\0');
  std::size_t held = 0;
  while (held < text.size()) {
    const ssize_t got = ::read(file.fd(), text.data() + held, text.size() - held);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refused(path, std::strerror(errno));
    if (got == 0) break;
    held += static_cast<std::size_t>(got);
  }
  text.resize(held);
  auto parsed = parse_key_file(text);
  if (!parsed) return refused(path, parsed.error().message);
  return parsed;
}

}  // namespace agora
