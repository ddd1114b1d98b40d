// SPDX-License-Identifier: MIT

#include "server/net/trusted_path.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <unistd.h>

namespace agora {
namespace {

constexpr int kLinksMax = 40;  // as many as the kernel follows

/// Checks one file or directory that is no link.
void check(const std::filesystem::path& path, const struct stat& status, const std::string& file) {
  if (!is_trusted(status)) throw std::runtime_error(path.string() + owner_fault(status, file));
  const bool open = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  const bool sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if (!open || sticky) return;
  throw std::runtime_error(path.string() + " is writable by other users, who could replace " +
                           file + "; chmod go-w it");
}

/// Returns the real path of `rest` below the real path `at`.
std::filesystem::path checked(std::filesystem::path at, const std::filesystem::path& rest,
                              const std::string& file, int& links) {
  for (const std::filesystem::path& part : rest) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    const std::filesystem::path next = at / part;  // "/" begins anew
    struct stat status {};
    if (::lstat(next.c_str(), &status) != 0) {
      throw std::runtime_error(next.string() + ": " + std::strerror(errno));
    }
    if (!S_ISLNK(status.st_mode)) {
      check(next, status, file);
      at = next;
      continue;
    }
    if (!is_trusted(status)) throw std::runtime_error(next.string() + owner_fault(status, file));
    if (--links < 0) throw std::runtime_error(next.string() + ": " + std::strerror(ELOOP));
    at = checked(at, std::filesystem::read_symlink(next), file, links);
  }
  return at;
}

}  // namespace

bool is_trusted(const struct stat& status) {
  return status.st_uid == ::geteuid() || status.st_uid == 0;
}

std::string owner_fault(const struct stat& status, const std::string& file) {
  return " belongs to user " + std::to_string(status.st_uid) + ", who could replace " + file;
}

std::filesystem::path trusted_path(const std::filesystem::path& path, const std::string& file) {
  int links = kLinksMax;
  return checked("/", std::filesystem::absolute(path), file, links);
}

}  // namespace agora
