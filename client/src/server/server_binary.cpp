// SPDX-License-Identifier: MIT

#include "client/src/server/server_binary.hpp"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <climits>

#ifndef AGORA_INSTALL_BINDIR
#define AGORA_INSTALL_BINDIR "/usr/local/bin"
#endif

namespace agora::detail {
namespace {

bool is_program(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

std::string running_program() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

// Returns the library that contains this code; the program itself if it is linked statically.
std::string running_library() {
  Dl_info info{};
  const auto here = reinterpret_cast<void*>(&find_server_binary);
  return ::dladdr(here, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : std::string();
}

void add_folders_of_path(std::vector<std::string>& folders) {
  const char* path = std::getenv("PATH");
  if (path == nullptr) return;
  std::string_view rest(path);
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    if (!folder.empty()) folders.emplace_back(folder);
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
  }
}

std::vector<std::string> folders_to_search() {
  std::vector<std::string> folders;
  for (const std::string& beside : {folder_of(running_program()), folder_of(running_library())}) {
    if (beside.empty()) continue;
    folders.push_back(beside);
    folders.push_back(folder_of(beside) + "/bin");
  }
  folders.emplace_back(AGORA_INSTALL_BINDIR);
  add_folders_of_path(folders);
  std::vector<std::string> once;
  for (std::string& folder : folders) {
    if (std::ranges::find(once, folder) == once.end()) once.push_back(std::move(folder));
  }
  return once;
}

}  // namespace

Expected<std::string> find_server_binary() {
  const char* wish = std::getenv("AGORA_SERVER");
  if (wish != nullptr && *wish != '\0') {
    if (is_program(wish)) return std::string(wish);
    return fail(Errc::unavailable,
                std::string("AGORA_SERVER names ") + wish + ", which is no program to run");
  }
  std::string sought;
  for (const std::string& folder : folders_to_search()) {
    std::string path = folder + "/agorad";
    if (is_program(path)) return path;
    sought += (sought.empty() ? "" : ", ") + folder;
  }
  return fail(Errc::unavailable, "the program agorad was not found; sought in " + sought +
                                     "; the environment variable AGORA_SERVER may name it");
}

}  // namespace agora::detail
