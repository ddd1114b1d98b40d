// SPDX-License-Identifier: MIT

#include "server/app/memory_limit.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace agora {
namespace {

/// A mounted hierarchy of control groups.
struct Hierarchy {
  bool unified = false;  ///< version 2
  std::string top;       ///< the group that is mounted, as /proc/self/cgroup counts
  std::string at;        ///< the mount point
};

/// Returns the number that a limit file begins with; SIZE_MAX for "max" or a missing file.
std::size_t number_in(const std::string& file) {
  std::ifstream in{file};
  std::size_t bytes = 0;
  return in >> bytes ? bytes : SIZE_MAX;
}

/// Returns the limit of version 1 that memory.stat gives for a group and all its ancestors, those
/// outside a container included.
std::size_t hierarchical_limit(const std::string& group) {
  std::ifstream in{group + "/memory.stat"};
  std::string key;
  for (std::size_t bytes = 0; in >> key >> bytes;) {
    if (key == "hierarchical_memory_limit") return bytes;
  }
  return SIZE_MAX;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::string_view next = list.substr(0, list.find(','));
    if (next == word) return true;
    list.remove_prefix(std::min(list.size(), next.size() + 1));
  }
  return false;
}

/// Replaces the octal escapes of mountinfo, such as \040 for a blank.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Returns the mounted hierarchies that can limit memory. A line of mountinfo reads
/// `id parent device ROOT POINT options [tags] - TYPE source SUPER`.
std::vector<Hierarchy> hierarchies(const std::string& root) {
  std::vector<Hierarchy> found;
  std::ifstream in{root + "/proc/self/mountinfo"};
  for (std::string line; std::getline(in, line);) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream front{line.substr(0, dash)};
    std::istringstream back{line.substr(dash + 3)};
    std::string skipped;
    std::string top;
    std::string point;
    std::string type;
    std::string super;
    front >> skipped >> skipped >> skipped >> top >> point;
    back >> type >> skipped >> super;
    const bool unified = type == "cgroup2";
    if (!unified && (type != "cgroup" || !has_word(super, "memory"))) continue;
    found.push_back({unified, unescaped(top), root + unescaped(point)});
  }
  return found;
}

/// Returns the group of this process in that hierarchy; empty if it is not told. A line of
/// /proc/self/cgroup reads `number:controllers:/path`, for version 2 `0::/path`.
std::string own_group(const std::string& root, bool unified) {
  std::ifstream in{root + "/proc/self/cgroup"};
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool wanted = unified ? line.starts_with("0::") : has_word(controllers, "memory");
    if (wanted) return line.substr(second + 1);
  }
  return {};
}

/// Returns the path of the process's group below the mount point: "" or "/a/b".
std::string below(const Hierarchy& hierarchy, const std::string& group) {
  if (group.find("/..") != std::string::npos) return {};  // it lies outside the namespace
  const std::string top = hierarchy.top == "/" ? "" : hierarchy.top;
  const bool inside =
      group.starts_with(top) && (group.size() == top.size() || group[top.size()] == '/');
  // Otherwise the mount shows the process's own group under another name.
  return inside && group != "/" ? group.substr(top.size()) : std::string{};
}

}  // namespace

std::size_t cgroup_memory_limit(const std::string& root) {
  std::vector<Hierarchy> all = hierarchies(root);
  if (all.empty()) {  // no /proc: the usual mount points
    all = {{true, "/", root + "/sys/fs/cgroup"}, {false, "/", root + "/sys/fs/cgroup/memory"}};
  }
  std::size_t least = SIZE_MAX;
  for (const Hierarchy& hierarchy : all) {
    const char* const file = hierarchy.unified ? "/memory.max" : "/memory.limit_in_bytes";
    std::string path = below(hierarchy, own_group(root, hierarchy.unified));
    if (!hierarchy.unified) least = std::min(least, hierarchical_limit(hierarchy.at + path));
    for (;; path.resize(path.rfind('/'))) {
      least = std::min(least, number_in(hierarchy.at + path + file));
      if (path.empty()) break;
    }
  }
  return least;
}

std::size_t half_of_memory() {
  const auto pages = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES));
  std::size_t bytes = pages * static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE));
  bytes = std::min(bytes, cgroup_memory_limit());
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) continue;
    bytes = std::min(bytes, static_cast<std::size_t>(limit.rlim_cur));
  }
  return bytes / 2;
}

}  // namespace agora
