// SPDX-License-Identifier: MIT

// Trusted paths: files that no other user can replace.
#pragma once

#include <filesystem>
#include <string>
#include <sys/stat.h>

namespace agora {

/// Returns the real path of a file or directory. Checks it, each directory and each link on the way
/// to it: all must belong to this user or to root, and none may be writable by others (directories
/// with the sticky bit aside). Another user who can replace one of them can replace the file.
/// @param file  the file in question as the message names it: "the socket"
/// @throws std::runtime_error  with one line: the path, its fault, the expected state.
std::filesystem::path trusted_path(const std::filesystem::path& path, const std::string& file);

/// Returns true if the file belongs to this user or to root.
bool is_trusted(const struct stat& status);

/// Returns " belongs to user 1000, who could replace the socket".
std::string owner_fault(const struct stat& status, const std::string& file);

}  // namespace agora
